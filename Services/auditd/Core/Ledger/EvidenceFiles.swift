import AuditClient
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The ledger's files for whoever verifies; they prove themselves, so they need no other care.
struct EvidenceFiles: Sendable {
    private let files: Ledger.Files
    private let threads: NIOThreadPool

    init(_ files: Ledger.Files, _ threads: NIOThreadPool) {
        self.files = files
        self.threads = threads
    }

    /// At most `count` bytes of the ledger from `offset`, none at the end.
    func ledger(at offset: UInt64, count: Int) async throws -> ByteBuffer {
        try await threads.runIfActive {
            try OpenFile(files.log, O_RDONLY).read(at: offset, count: count)
        }
    }

    func head() async throws -> ByteBuffer {
        try await threads.runIfActive {
            try OpenFile(files.head, O_RDONLY).read(at: 0, count: 64 << 10)
        }
    }

    /// The hashes of a recording's blocks; `nil` if it is not in the ledger.
    func links(_ id: RecordingID) async throws -> ByteBuffer? {
        try await threads.runIfActive {
            do throws(FileError) {
                let file = try OpenFile(files.links(id), O_RDONLY)
                return try file.read(at: 0, count: Int(clamping: try file.size()))
            } catch  where error.isMissing {
                return nil
            }
        }
    }
}
