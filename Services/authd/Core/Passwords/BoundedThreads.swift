import NIOPosix
import SharedMessages
import Synchronization

/// Threads of their own for calls that block, with a bounded queue before them.
///
/// At most `most` calls are under way or wait, and none waits for longer than `longestWait`: one
/// beyond that is refused with `AUTHD_BUSY` instead of being made for somebody who has given up.
final class BoundedThreads: Sendable {
    private let pool: NIOThreadPool
    private let most: Int
    private let longestWait: Duration
    private let underWay = Mutex(0)

    init(threads: Int, most: Int, longestWait: Duration) {
        self.most = most
        self.longestWait = longestWait
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// Throws `AUTHD_BUSY`, and what `work` throws.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let hasRoom = underWay.withLock { count in
            guard count < most else { return false }
            count += 1
            return true
        }
        guard hasRoom else { throw CodedError(.authdBusy, isRetryable: true) }
        defer { underWay.withLock { $0 -= 1 } }
        let latest = ContinuousClock.now + longestWait
        return try await pool.runIfActive {
            guard ContinuousClock.now < latest else {
                throw CodedError(.authdBusy, isRetryable: true)
            }
            return try work()
        }
    }
}
