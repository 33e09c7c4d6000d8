import Dispatch
import NIOCore
import NIOPosix
import Synchronization

/// Threads that write files at the same time, for one that waits for them: copying into the page
/// cache takes as long as a fast disk.
final class WritingCrew: Sendable {
    private let threads = NIOThreadPool(numberOfThreads: 3)

    init() { threads.start() }

    deinit { threads.shutdownGracefully { _ in } }

    /// Carries `body` out for each file, in no order, and returns when all are done. Throws the
    /// first failure; the others are done nevertheless.
    func forEach(
        _ writers: some Collection<FileWriter>,
        _ body: @escaping @Sendable (FileWriter) throws(FileError) -> Void
    ) throws(FileError) {
        let failure = Mutex<FileError?>(nil)
        let group = DispatchGroup()
        let work: @Sendable (FileWriter) -> Void = { writer in
            do throws(FileError) { try body(writer) } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        for writer in writers.dropFirst() {
            group.enter()
            threads.submit { _ in
                work(writer)
                group.leave()
            }
        }
        if let first = writers.first { work(first) }
        group.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

/// What is to be written to one file.
///
/// `@unchecked Sendable`: the file is used by one thread of a `WritingCrew` while the one that owns
/// it waits.
struct FileWriter: @unchecked Sendable {
    private let file: OpenFile
    var pieces: [(offset: UInt64, bytes: ByteBuffer)] = []

    init(_ file: OpenFile) { self.file = file }

    /// Writes the pieces, and lets the disk begin with them.
    func write() throws(FileError) {
        for (offset, bytes) in pieces {
            try file.write(bytes, at: offset)
            file.startSync(from: offset, count: bytes.readableBytes)
        }
    }

    /// Makes them durable.
    func sync() throws(FileError) { try file.sync() }
}
