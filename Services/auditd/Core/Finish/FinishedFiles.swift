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

/// Makes of a recording that has ended what storages get: the recording encrypted, and beside it
/// an asciicast. Everything here blocks.
struct FinishedFiles: Sendable {
    private let directory: String
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
        directory = config.directory
        folder = config.directory + "/sealed.d"
        recipients = try config.encryption.recipients.map { try AgeRecipient($0) }
        castVersion =
            switch config.casts {
            case .none: nil
            case .two: .two
            case .three: .three
            }
        guard isSealing else { return }
        try Folder.create(folder)
        for name in try Folder.names(in: folder) {
            let id = name.hasSuffix(Self.suffix) ? RecordingID(name.dropLast(4)) : nil
            if id.map({ !spooled.contains($0) }) ?? true { try Folder.remove("\(folder)/\(name)") }
        }
    }

    var isSealing: Bool { !recipients.isEmpty }
    var isNeeded: Bool { isSealing || castVersion != nil }

    /// Where storages find the recording once it is prepared.
    func path(_ id: RecordingID, spooled: String) -> String {
        isSealing ? "\(folder)/\(id)\(Self.suffix)" : spooled
    }

    /// Harmless when repeated: what is there is whole.
    func prepare(_ id: RecordingID, from spooled: String, format: RecordingFormat) throws {
        if let castVersion, format == .binary, id.isWhole {
            try make("\(directory)/\(id).cast") { sink in
                try Self.writeCast(spooled, castVersion, &sink)
            }
        }
        guard isSealing else { return }
        try make(path(id, spooled: spooled)) { sink in
            try Self.eachPiece(of: spooled) { try sink.write($0) }
        }
    }

    func remove(_ ids: [RecordingID]) throws {
        guard isSealing else { return }
        for id in ids { try Folder.remove(path(id, spooled: "")) }
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
        try Folder.sync(path.hasPrefix(folder) ? folder : directory)
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
