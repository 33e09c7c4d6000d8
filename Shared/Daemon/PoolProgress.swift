import Logging
import SharedLogging
import SharedMessages
import Synchronization

/// How far the services of a pool are; says so once per step.
final class PoolProgress: Sendable {
    private struct State {
        var running = 0
        var isStopping = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let count: Int
    private let logger: Logger
    private let onReady: @Sendable () -> Void
    private let onStopping: @Sendable () -> Void

    init(
        count: Int,
        logger: Logger,
        onReady: @escaping @Sendable () -> Void,
        onStopping: @escaping @Sendable () -> Void
    ) {
        self.count = count
        self.logger = logger
        self.onReady = onReady
        self.onStopping = onStopping
    }

    /// The error of the first service that failed.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// One more service is up; the last one makes the pool ready, unless it already stops.
    func serviceRunning() {
        let isComplete = state.withLock { state in
            state.running += 1
            return state.running == count && !state.isStopping
        }
        guard isComplete else { return }
        logger.emit(.servicePoolRunning)
        onReady()
    }

    func stopping() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        logger.emit(.servicePoolStopping)
        onStopping()
    }

    func serviceFailed(_ error: any Error) {
        state.withLock { $0.failure = $0.failure ?? error }
        stopping()
    }
}
