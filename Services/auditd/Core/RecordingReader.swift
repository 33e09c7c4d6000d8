import AuditClient
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads recordings wherever they are: in the spool while they run and until they are stored, in
/// the storage afterwards.
struct RecordingReader: Sendable {
    let spool: Spool
    let storages: StorageSet
    let threads: NIOThreadPool

    /// How many bytes there are now; `nil` for an unknown recording.
    func size(_ id: RecordingID) async throws -> UInt64? {
        if let recording = spool.recording(id) { return recording.length }
        return try await storages.status(id)?.size
    }

    /// Reads the first `size` bytes piece by piece. The recording may move from spool to storage
    /// meanwhile.
    func pieces(_ id: RecordingID, size: UInt64) -> Pieces {
        Pieces(reader: self, id: id, size: size)
    }

    struct Pieces: Sendable {
        fileprivate let reader: RecordingReader
        fileprivate let id: RecordingID
        fileprivate let size: UInt64
        fileprivate var offset: UInt64 = 0

        /// The next bytes; `nil` at the end.
        mutating func next() async throws -> ByteBuffer? {
            let count = Int(min(size - offset, 256 << 10))
            guard count > 0,
                let piece = try await reader.piece(id, at: offset, count: count),
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
        if spool.recording(id) != nil {
            let path = spool.path(id)
            let piece = try await threads.runIfActive { () -> ByteBuffer? in
                do throws(FileError) {
                    return try OpenFile(path, O_RDONLY).read(at: offset, count: count)
                } catch  where error.isMissing {
                    return nil
                }
            }
            if let piece { return piece }
        }
        return try await storages.read(id, at: offset, count: count)
    }
}
