/// Finds the keys a server proves its identity with, and makes one on the first start.
package enum HostKeyStore {
    /// A key and where it came from.
    package struct Entry: Sendable {
        package var key: SSHPrivateKey
        /// `nil` for a key that stands in the configuration itself.
        package var path: String?
        /// Whether it was made just now: clients see this host for the first time.
        package var isNew: Bool
        /// Whether others than the owner may read the file.
        package var isReadableByOthers: Bool
    }

    /// Loads the configured keys or, where none is configured, the one at `path`, which is made if
    /// it is not there.
    ///
    /// An entry that begins with five dashes is a key in PEM, any other is the path of one. A
    /// configured file that is missing is an error: a new key in its place would look like
    /// another host to every client. Of two keys of one type the later counts; clients are told of
    /// the other as well. A file that others may write is an error: they could put their own key
    /// there. Keys of the types that nobody speaks any more are passed over, unless there are no
    /// others, and told to `passedOver`.
    ///
    /// Blocks on the disk; call it before the server starts.
    package static func loadOrGenerate(
        entries: [String],
        path: String,
        passedOver: (_ source: String) -> Void = { _ in }
    ) throws(HostKeyError) -> [Entry] {
        guard entries.isEmpty else { return try load(entries, passedOver) }
        do {
            return [try load(file: path)]
        } catch .unreadable(_, HostKeyFile.noSuchFile) {
            return [try generate(path)]
        } catch {
            throw error
        }
    }

    private static func load(
        _ entries: [String],
        _ passedOver: (String) -> Void
    ) throws(HostKeyError) -> [Entry] {
        var loaded: [Entry] = []
        var failure: HostKeyError?
        for entry in entries {
            do {
                loaded.append(try load(entry))
            } catch .badKey(let source, .unsupportedType(let type)) where isOutdated(type) {
                passedOver(source)
                failure = .badKey(source, .unsupportedType(type))
            }
        }
        if loaded.isEmpty, let failure { throw failure }
        return loaded
    }

    /// DSA, by the names it has in the different formats.
    private static func isOutdated(_ type: String) -> Bool {
        type == "ssh-dss" || type == "DSA PRIVATE KEY"
    }

    private static func load(_ entry: String) throws(HostKeyError) -> Entry {
        let start = entry.drop { $0.isWhitespace }
        guard start.hasPrefix("-----") else { return try load(file: entry) }
        return Entry(
            key: try parse(entry, source: "the configuration"),
            path: nil,
            isNew: false,
            isReadableByOthers: false
        )
    }

    private static func load(file path: String) throws(HostKeyError) -> Entry {
        let (text, mode) = try HostKeyFile.read(path)
        guard mode & 0o022 == 0 else { throw .writableByOthers(path) }
        return Entry(
            key: try parse(text, source: path),
            path: path,
            isNew: false,
            isReadableByOthers: mode & 0o044 != 0
        )
    }

    private static func generate(_ path: String) throws(HostKeyError) -> Entry {
        let made: SSHPrivateKey
        let text: String
        do {
            made = try SSHPrivateKey.generateEd25519(comment: "berth")
            text = try made.fileText()
        } catch {
            throw .badKey(path, error)
        }
        guard try HostKeyFile.create(path, text) else {
            // Another process was quicker: its key is the host's.
            return try load(file: path)
        }
        return Entry(key: made, path: path, isNew: true, isReadableByOthers: false)
    }

    private static func parse(_ text: String, source: String) throws(HostKeyError) -> SSHPrivateKey
    {
        do {
            return try SSHPrivateKey(pem: text)
        } catch {
            throw .badKey(source, error)
        }
    }
}

/// Why a server has no host key.
package enum HostKeyError: Error, Sendable, Hashable {
    /// The file at this path cannot be read; `errno`.
    case unreadable(String, Int32)
    /// No new key can be put at this path; `errno`.
    case unwritable(String, Int32)
    /// Others than the owner may write the file at this path.
    case writableByOthers(String)
    /// What stands there is no key that can be used; the path, or where else it stands.
    case badKey(String, KeyError)
}
