import NIOCore
import Synchronization

/// The connections of a server, whose number is limited and whose end can be waited for.
final class ConnectionRegistry: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: ServerConnection] = [:]
        var limit: Int
        /// Connections of which it is not yet known where they come from.
        var arriving = 0
        /// Completed when the last connection has ended.
        var waiters: [EventLoopPromise<Void>] = []

        var count: Int { connections.count + arriving }

        /// Those who wait for the last one, if it has gone.
        mutating func takeWaiters() -> [EventLoopPromise<Void>] {
            guard count == 0 else { return [] }
            defer { waiters = [] }
            return waiters
        }
    }

    private let state: Mutex<State>

    init(limit: Int) {
        state = Mutex(State(limit: limit))
    }

    var count: Int { state.withLock { $0.count } }

    var all: [ServerConnection] {
        state.withLock { Array($0.connections.values) }
    }

    /// Takes a connection in, unless there are as many as there may be.
    func add(_ connection: ServerConnection) -> Bool {
        state.withLock { state in
            guard state.connections.count < state.limit else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    func remove(_ connection: ServerConnection) {
        let waiters = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = nil
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Connections that are open already stay when there are more of them.
    func setLimit(_ limit: Int) {
        state.withLock { $0.limit = limit }
    }

    func arrived() {
        state.withLock { $0.arriving += 1 }
    }

    /// It is known where the connection comes from, or it is gone.
    func settled() {
        let waiters = state.withLock { state in
            state.arriving -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Returns once no connection is left, or after `time`, or on cancellation where that is
    /// wanted; whether none is left.
    func waitUntilEmpty(
        atMost time: Duration,
        on loop: any EventLoop,
        endsOnCancellation: Bool
    ) async -> Bool {
        let promise = loop.makePromise(of: Void.self)
        let isEmpty = state.withLock { state in
            guard state.count > 0 else { return true }
            state.waiters.append(promise)
            return false
        }
        let timer = loop.scheduleTask(in: TimeAmount(time)) { promise.succeed() }
        if isEmpty { promise.succeed() }
        await withTaskCancellationHandler {
            // The promise is only ever succeeded.
            try? await promise.futureResult.get()
        } onCancel: {
            if endsOnCancellation { promise.succeed() }
        }
        timer.cancel()
        return count == 0
    }
}
