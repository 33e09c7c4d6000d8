import NIOCore
import Synchronization

/// The connections of a server, whose number is limited and whose end can be waited for.
final class ConnectionRegistry: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: ServerConnection] = [:]
        /// Completed when the last connection has ended.
        var waiters: [EventLoopPromise<Void>] = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int {
        state.withLock { $0.connections.count }
    }

    var all: [ServerConnection] {
        state.withLock { Array($0.connections.values) }
    }

    /// Takes a connection in, unless there are as many as there may be.
    func add(_ connection: ServerConnection) -> Bool {
        state.withLock { state in
            guard state.connections.count < limit else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    func remove(_ connection: ServerConnection) {
        let waiters = state.withLock { state -> [EventLoopPromise<Void>] in
            state.connections[ObjectIdentifier(connection)] = nil
            guard state.connections.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Returns once no connection is left, or after `time`; whether none is left.
    func waitUntilEmpty(atMost time: Duration, on loop: any EventLoop) async -> Bool {
        let promise = loop.makePromise(of: Void.self)
        let isEmpty = state.withLock { state in
            guard !state.connections.isEmpty else { return true }
            state.waiters.append(promise)
            return false
        }
        let timer = loop.scheduleTask(in: TimeAmount(time)) { promise.succeed() }
        if isEmpty { promise.succeed() }
        // The promise is only ever succeeded.
        try? await promise.futureResult.get()
        timer.cancel()
        return count == 0
    }
}
