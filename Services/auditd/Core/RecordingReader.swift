import AuditClient
import NIOCore
import NIOPosix
import SharedAge
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads recordings wherever they are: in the spool while they run and until they are stored, in
/// the storage afterwards.
struct RecordingReader: Sendable {
    enum View: Sendable {
        /// What was recorded; throws `AUDITD_ENCRYPTED` where nothing but its encrypted form is
        /// left.
        case recorded
        /// What storages have or will have of recordings that have ended: that is proven.
        case stored
    }

    let spool: Spool
    let storages: StorageSet
    let index: RecordingIndex
    var threads: NIOThreadPool
    let files: FinishedFiles
    var view = View.recorded

    /// As storages have it.
    var stored: RecordingReader {
        var reader = self
        reader.view = .stored
        return reader
    }

    /// What a recording in several parts consists of; `nil` for one in one piece, and for a part.
    private func chain(_ id: RecordingID) async throws -> PartChain? {
        // Encrypted parts are files of their own.
        guard id.isWhole, view == .recorded || !files.isSealing else { return nil }
        let others = spool.parts(of: id).union(try await index.parts(of: id))
        guard others.contains(where: { !$0.isWhole }) else { return nil }
        var parts: [(id: RecordingID, size: UInt64)] = []
        for part in others.union([id]) {
            if let size = try await partSize(part) { parts.append((part, size)) }
        }
        return PartChain(parts)
    }

    /// How many bytes there are now, in all parts without a gap; `nil` for an unknown recording.
    func size(_ id: RecordingID) async throws -> UInt64? {
        guard let chain = try await chain(id) else { return try await partSize(id) }
        return chain.size > 0 ? chain.size : nil
    }

    /// How many bytes of one part there are.
    func partSize(_ id: RecordingID) async throws -> UInt64? {
        if let recording = spool.recording(id) {
            guard isSealed(recording) else { return recording.length }
            let path = path(id, recording)
            let size = try await threads.runIfActive {
                try ifThere { () throws(FileError) in try OpenFile(path, O_RDONLY).size() }
            }
            // Not yet, or not any more.
            if let size { return size }
        }
        guard let status = try await storages.status(id) else { return nil }
        if view == .recorded, status.size > 0 {
            try refuseEncrypted(try await storages.read(id, at: 0, count: Self.beginning))
        }
        return status.size
    }

    /// Reads the first `size` bytes piece by piece. The recording may move from spool to storage
    /// meanwhile.
    func pieces(_ id: RecordingID, size: UInt64) -> Pieces {
        Pieces(reader: self, id: id, size: size, isJoined: true)
    }

    /// Of one part alone, and of it what stands behind `offset`.
    func partPieces(_ id: RecordingID, size: UInt64, from offset: UInt64 = 0) -> Pieces {
        Pieces(reader: self, id: id, size: size, isJoined: false, offset: min(offset, size))
    }

    struct Pieces: Sendable {
        fileprivate let reader: RecordingReader
        fileprivate let id: RecordingID
        fileprivate let size: UInt64
        fileprivate let isJoined: Bool
        fileprivate var offset: UInt64 = 0

        /// The next bytes; `nil` at the end.
        mutating func next() async throws -> ByteBuffer? {
            let count = Int(min(size - offset, 256 << 10))
            guard count > 0,
                let piece = isJoined
                    ? try await reader.piece(id, at: offset, count: count)
                    : try await reader.partPiece(id, at: offset, count: count),
                piece.readableBytes > 0
            else { return nil }
            offset += UInt64(piece.readableBytes)
            return piece
        }
    }

    /// At most `count` bytes; `nil` for an unknown recording.
    func piece(
        _ id: RecordingID,
        at offset: UInt64,
        count: Int
    ) async throws -> ByteBuffer? {
        guard let chain = try await chain(id) else {
            return try await partPiece(id, at: offset, count: count)
        }
        guard chain.size > 0 else { return nil }
        guard let place = chain.place(of: offset) else { return ByteBuffer() }
        let length = Int(min(UInt64(count), place.rest))
        return try await partPiece(place.part, at: place.offset, count: length)
    }

    private func partPiece(
        _ id: RecordingID,
        at offset: UInt64,
        count: Int
    ) async throws -> ByteBuffer? {
        if let recording = spool.recording(id) {
            let path = path(id, recording)
            let piece = try await threads.runIfActive {
                try ifThere { () throws(FileError) in
                    try OpenFile(path, O_RDONLY).read(at: offset, count: count)
                }
            }
            if let piece { return piece }
        }
        let piece = try await storages.read(id, at: offset, count: count)
        guard view == .recorded else { return piece }
        if offset == 0 {
            try refuseEncrypted(piece)
        } else if files.isSealing {
            // It may have moved since its beginning was read.
            try refuseEncrypted(try await storages.read(id, at: 0, count: Self.beginning))
        }
        return piece
    }

    // MARK: - Private

    private static let beginning = 64

    private func isSealed(_ recording: SpoolEngine.Recording) -> Bool {
        view == .stored && files.isSealing && recording.spooled.state != .open
    }

    private func path(_ id: RecordingID, _ recording: SpoolEngine.Recording) -> String {
        let path = spool.path(id)
        return isSealed(recording) ? files.path(id, spooled: path) : path
    }

    private func refuseEncrypted(_ beginning: ByteBuffer?) throws {
        if let beginning, AgeDecryptor.isAge(beginning) { throw CodedError(.auditdEncrypted) }
    }
}

private func ifThere<Value>(_ body: () throws(FileError) -> Value) throws(FileError) -> Value? {
    do {
        return try body()
    } catch  where error.isMissing {
        return nil
    }
}
