import AuditClient
import AuditEvidence
import Crypto
import NIOCore
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The signed, append-only list of recordings that have ended. All calls block, and come from one
/// thread at a time.
///
/// `ledger.log` has the entries, `ledger.head` where they end, `ID.links` the hashes of a
/// recording's blocks. An entry is durable before it is answered, and the spool keeps a recording
/// until then.
final class Ledger {
    struct Files: Sendable {
        let folder: String
        /// The private key.
        let key: String

        var log: String { folder + "/ledger.log" }
        var head: String { folder + "/ledger.head" }
        func links(_ id: RecordingID) -> String { "\(folder)/\(id).links" }
    }

    let files: Files
    /// Whether there was none before.
    let isNew: Bool
    private(set) var head: LedgerHead
    /// The head as it is signed, with its line end.
    private(set) var signedHead = ByteBuffer()
    /// The public key of the first entry, as hexadecimal digits: what the ledger is known by.
    private(set) var name: String
    private var key: Curve25519.Signing.PrivateKey
    private var keyAt: Int64
    private let file: OpenFile
    private var size: UInt64
    /// Recordings that were added and may come again, as the spool still has them.
    private var repeatable: Set<RecordingID>

    /// The public key that signs at present, as hexadecimal digits.
    var publicKey: String { key.publicKey.rawRepresentation.hex }

    /// Opens the ledger or begins one.
    ///
    /// Throws a `CodedError`: `AUDITD_LEDGER_BROKEN` when the ledger is not what this key signed,
    /// `AUDITD_LEDGER_FAILED` when a file cannot be used.
    init(_ files: Files, spooled: Set<RecordingID>, now: Int64) throws(CodedError) {
        self.files = files
        do {
            try Folder.create(files.folder)
            file = try OpenFile(files.log, O_RDWR | O_CREAT)
            if let state = try Self.read(file, spooled) {
                isNew = false
                (head, keyAt, size, repeatable) = (
                    state.head, state.keyAt, state.size, state.repeatable
                )
                name = state.firstKey.hex
                key = try Self.currentKey(files.key, state.key)
                if try file.size() > size { try file.truncate(to: size) }
                try writeHead()
            } else {
                isNew = true
                key = try Self.makeKey(files.key)
                name = key.publicKey.rawRepresentation.hex
                (head, keyAt, size, repeatable) = (.init(sequence: 0, hash: "", at: 0), now, 0, [])
                try file.truncate(to: 0)
                try write([LedgerEntry.begin(key, at: now)])
                try Folder.sync(files.folder)
            }
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.auditdLedgerFailed, detail: files.folder, cause: error)
        }
    }

    /// A recording that has ended.
    struct Addition: Sendable {
        var id: RecordingID
        var seal: RecordingChain.Seal
        /// It was stored before the ledger began.
        var isAdopted = false
    }

    /// Adds recordings and makes that durable, or nothing of it. Those that are
    /// there already are passed over.
    func add(_ additions: [Addition], now: Int64) throws {
        let fresh = additions.filter { !repeatable.contains($0.id) }
        for one in fresh { try replace(files.links(one.id), ByteBuffer(bytes: one.seal.links)) }
        try Folder.sync(files.folder)
        try write(
            fresh.map { one in
                LedgerEntry(
                    sequence: 0,
                    previous: "",
                    at: now,
                    kind: one.isAdopted ? .adopted : .recording,
                    recording: .init(one.id, one.seal)
                )
            }
        )
        repeatable.formUnion(additions.map(\.id))
    }

    /// Notes how far recordings are that run.
    func note(_ places: [LedgerEntry.Recording], now: Int64) throws {
        try write(
            places.map { place in
                LedgerEntry(sequence: 0, previous: "", at: now, kind: .progress, recording: place)
            }
        )
    }

    /// These won't come again.
    func release(_ ids: [RecordingID]) { repeatable.subtract(ids) }

    /// Whether the key is older than that.
    func isKeyOlder(than age: Duration, now: Int64) -> Bool {
        age > .zero && Duration.nanoseconds(now - keyAt) > age
    }

    /// Hands over to a new key. A crash in between is healed by the next start.
    func rotate(now: Int64) throws {
        let next = Curve25519.Signing.PrivateKey()
        let draft = files.key + ".next"
        try Self.write(next, draft)
        try write([try LedgerEntry.rotation(after: head, to: next, at: now)])
        try Folder.rename(draft, to: files.key)
        key = next
        keyAt = now
        try writeHead()
    }

    // MARK: - Writing

    /// Gives the entries their places, signs and appends them.
    private func write(_ entries: [LedgerEntry]) throws {
        guard !entries.isEmpty else { return }
        var end = head
        var bytes = ByteBuffer()
        for var entry in entries {
            if entry.kind != .begin {
                entry.sequence = end.sequence + 1
                entry.previous = end.hash
            }
            let line = try SignedLine.make(entry, .entry, key)
            bytes.writeBytes(line)
            bytes.writeInteger(UInt8(0x0A))
            end = LedgerHead(sequence: entry.sequence, hash: SignedLine.hash(line), at: entry.at)
        }
        do {
            try file.write(bytes, at: size)
            try file.sync()
        } catch {
            // Nothing was answered; what is there of it is written over or cut at the next start.
            try? file.truncate(to: size)
            throw error
        }
        size += UInt64(bytes.readableBytes)
        head = end
        try writeHead()
    }

    private func writeHead() throws {
        let line = try SignedLine.make(head, .head, key)
        signedHead = ByteBuffer(bytes: line + [0x0A])
        try replace(files.head, signedHead)
    }

    private func replace(_ path: String, _ bytes: ByteBuffer) throws(FileError) {
        let draft = path + ".new"
        let target = try OpenFile(draft, O_RDWR | O_CREAT | O_TRUNC)
        try target.write(bytes, at: 0)
        try target.sync()
        try Folder.rename(draft, to: path)
    }

    // MARK: - Reading

    /// Whether the entry that a head names is in the ledger. Who signed the head does not matter:
    /// it has the hash of what is here.
    func contains(_ line: [UInt8]) throws -> Bool {
        guard let claimed = LedgerCheck.claimedHead(line), claimed.sequence <= head.sequence else {
            return false
        }
        var sequence: UInt64 = 0
        var (offset, rest): (UInt64, [UInt8]) = (0, [])
        while offset < size {
            let piece = try file.read(at: offset, count: 256 << 10)
            guard piece.readableBytes > 0 else { return false }
            offset += UInt64(piece.readableBytes)
            rest += piece.readableBytesView
            var start = 0
            while let end = rest[start...].firstIndex(of: 0x0A) {
                if sequence == claimed.sequence {
                    return SignedLine.hash(Array(rest[start..<end])) == claimed.hash
                }
                sequence += 1
                start = end + 1
            }
            rest.removeFirst(start)
        }
        return false
    }

    private struct State {
        var firstKey: [UInt8]
        var head: LedgerHead
        var key: [UInt8]
        var keyAt: Int64
        /// Up to the last whole line.
        var size: UInt64
        var repeatable: Set<RecordingID>
    }

    /// Checks all of it; `nil` if there is no whole line. A last line without its end was never
    /// answered and is left out.
    private static func read(_ file: OpenFile, _ spooled: Set<RecordingID>) throws -> State? {
        var check: LedgerCheck?
        var firstKey: [UInt8] = []
        var repeatable: Set<RecordingID> = []
        var (offset, size): (UInt64, UInt64) = (0, 0)
        var rest: [UInt8] = []
        while true {
            let piece = try file.read(at: offset, count: 256 << 10)
            guard piece.readableBytes > 0 else { break }
            offset += UInt64(piece.readableBytes)
            rest += piece.readableBytesView
            var start = 0
            while let end = rest[start...].firstIndex(of: 0x0A) {
                let line = Array(rest[start..<end])
                var follow = check ?? LedgerCheck(key: LedgerEntry.key(inFirst: line) ?? [])
                guard let entry = follow.take(line) else {
                    let place = check?.head.map { $0.sequence + 1 } ?? 0
                    throw CodedError(.auditdLedgerBroken, detail: "entry \(place)")
                }
                if check == nil { firstKey = follow.key }
                check = follow
                if entry.kind == .recording || entry.kind == .adopted,
                    let id = entry.recording.flatMap({ RecordingID($0.id) }),
                    spooled.contains(id)
                {
                    repeatable.insert(id)
                }
                size += UInt64(end + 1 - start)
                start = end + 1
            }
            rest.removeFirst(start)
        }
        guard let check, let head = check.head else { return nil }
        return State(
            firstKey: firstKey,
            head: head,
            key: check.key,
            keyAt: check.keyAt,
            size: size,
            repeatable: repeatable
        )
    }

    // MARK: - Keys

    /// The key of a new ledger: one that is there already, or a new one.
    private static func makeKey(_ path: String) throws -> Curve25519.Signing.PrivateKey {
        if let key = try readKey(path) { return key }
        let key = Curve25519.Signing.PrivateKey()
        try write(key, path)
        return key
    }

    /// The key whose public half the ledger names; a handing over that was cut off is completed.
    private static func currentKey(
        _ path: String,
        _ expected: [UInt8]
    ) throws -> Curve25519.Signing.PrivateKey {
        for candidate in [path, path + ".next"] {
            guard let key = try readKey(candidate),
                Array(key.publicKey.rawRepresentation) == expected
            else { continue }
            if candidate != path { try Folder.rename(candidate, to: path) }
            return key
        }
        throw CodedError(
            .auditdLedgerBroken,
            detail: "\(path) is missing, or does not have the ledger's key \(expected.hex)"
        )
    }

    private static func readKey(_ path: String) throws -> Curve25519.Signing.PrivateKey? {
        guard Folder.exists(path) else { return nil }
        let text = String(buffer: try OpenFile(path, O_RDONLY).read(at: 0, count: 128))
        let digits = text.last == "\n" ? text.dropLast() : text[...]
        guard let raw = [UInt8](hex: digits), raw.count == 32 else {
            throw CodedError(.auditdLedgerFailed, detail: "\(path) holds no key")
        }
        return try Curve25519.Signing.PrivateKey(rawRepresentation: raw)
    }

    private static func write(_ key: Curve25519.Signing.PrivateKey, _ path: String) throws {
        // It gets its name when it is whole.
        let draft = path + ".new"
        let file = try OpenFile(draft, O_RDWR | O_CREAT | O_TRUNC)
        try file.write(ByteBuffer(string: key.rawRepresentation.hex + "\n"), at: 0)
        try file.sync()
        try Folder.rename(draft, to: path)
        try Folder.sync(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    }
}
