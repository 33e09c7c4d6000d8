import AuditClient
import NIOCore
import SharedAge
import SharedAudit
import SharedConfig
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes of a recording that has ended what storages get where that is not the recording itself:
/// the recording encrypted, and beside it an asciicast. Everything here blocks.
struct FinishedFiles: Sendable {
    private let folder: String
    private let recipients: [AgeRecipient]
    private let castVersion: CastEncoder.Version?

    /// Compressed bytes that are decoded at once: some can grow a thousandfold.
    private static let step = 16 << 10
    private static let piece: UInt64 = 1 << 20
    private static let suffix = ".age"
    private static let draft = ".draft"

    /// Throws a `CodedError` if the folder can't be used. Files of recordings that are not in
    /// `spooled` are removed: they were stored.
    init(_ config: AuditdConfig, spooled: Set<RecordingID>) throws {
        folder = config.directory + "/sealed.d"
        recipients = try config.encryption.recipients.map { try AgeRecipient($0) }
        castVersion =
            switch config.casts {
            case .none: nil
            case .two: .two
            case .three: .three
            }
        guard isSealing || hasCasts else { return }
        try Folder.create(folder)
        for name in try Folder.names(in: folder) {
            let isNeeded = spooled.contains {
                name == "\($0)\(Self.suffix)" || name == cast(of: $0)
            }
            if !isNeeded { try Folder.remove("\(folder)/\(name)") }
        }
    }

    var isSealing: Bool { !recipients.isEmpty }
    var hasCasts: Bool { castVersion != nil }

    /// What storages call the asciicast of a recording.
    func cast(of id: RecordingID) -> String { "\(id).cast" }

    /// Where storages find the recording once it is prepared.
    func path(_ id: RecordingID, spooled: String) -> String {
        isSealing ? "\(folder)/\(id)\(Self.suffix)" : spooled
    }

    /// Encrypts a recording. Harmless when repeated: what is there is whole.
    func seal(_ id: RecordingID, from spooled: String) throws {
        guard isSealing else { return }
        try make(path(id, spooled: spooled)) { sink in
            try Self.eachPiece(of: spooled) { try sink.write($0) }
        }
    }

    /// Makes the asciicast, encrypted as the recording is, and answers where it is; `nil` for what
    /// gets none. Harmless when repeated.
    func makeCast(_ id: RecordingID, from spooled: String, format: RecordingFormat) throws
        -> String?
    {
        guard let castVersion, format == .binary, id.isWhole else { return nil }
        let path = "\(folder)/\(cast(of: id))"
        try make(path) { sink in try Self.writeCast(spooled, castVersion, &sink) }
        return path
    }

    func remove(_ ids: [RecordingID]) throws {
        for id in ids where isSealing { try Folder.remove(path(id, spooled: "")) }
        for id in ids where hasCasts { try Folder.remove("\(folder)/\(cast(of: id))") }
    }

    // MARK: - Writing

    private func make(_ path: String, _ body: (inout Sink) throws -> Void) throws {
        guard !Folder.exists(path) else { return }
        let draft = path + Self.draft
        let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
        do {
            var sink = Sink(file, isSealing ? try AgeEncryptor(to: recipients) : nil)
            try body(&sink)
            try sink.finish()
            try file.sync()
            try Folder.rename(draft, to: path)
        } catch {
            try? Folder.remove(draft)  // The cause is what counts.
            throw error
        }
        try Folder.sync(folder)
    }

    private static func eachPiece(of path: String, _ body: (ByteBuffer) throws -> Void) throws {
        let source = try OpenFile(path, O_RDONLY)
        var offset: UInt64 = 0
        while case let bytes = try source.read(at: offset, count: Int(piece)),
            bytes.readableBytes > 0
        {
            try body(bytes)
            offset += UInt64(bytes.readableBytes)
        }
    }

    private static func writeCast(
        _ path: String,
        _ version: CastEncoder.Version,
        _ sink: inout Sink
    ) throws {
        var decoder = RecordingDecoder()
        var encoder = CastEncoder(version: version)
        try eachPiece(of: path) { bytes in
            var rest = bytes
            while let part = rest.readSlice(length: min(rest.readableBytes, step)),
                part.readableBytes > 0
            {
                for case .message(let message) in decoder.feed(part) { encoder.append(message) }
                try sink.write(encoder.take())
            }
        }
        try sink.write(encoder.finish())
    }

    /// A file that is written from its beginning, encrypted or not.
    private struct Sink {
        private let file: OpenFile
        private var encryptor: AgeEncryptor?
        private var offset: UInt64 = 0

        init(_ file: OpenFile, _ encryptor: AgeEncryptor?) {
            self.file = file
            self.encryptor = encryptor
        }

        mutating func write(_ bytes: ByteBuffer) throws {
            try put(encryptor?.update(bytes) ?? bytes)
        }

        mutating func finish() throws { if let last = try encryptor?.finish() { try put(last) } }

        private mutating func put(_ bytes: ByteBuffer) throws {
            guard bytes.readableBytes > 0 else { return }
            try file.write(bytes, at: offset)
            offset += UInt64(bytes.readableBytes)
        }
    }
}
