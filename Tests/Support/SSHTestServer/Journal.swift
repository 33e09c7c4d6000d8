import NIOCore
import NIOPosix
package import SharedSSH
import Synchronization

/// What happened to a test server, in order; tests wait for it.
package final class Journal: Sendable {
    package enum Entry: Sendable, Hashable {
        case connected(RemoteClient)
        case handshake(HandshakeFacts)
        case attempt(AuthenticationAttempt)
        case authenticated(String)
        case sessionOpened(UInt64)
        case request(UInt64, SessionRequest)
        case globalRequest(GlobalRequest)
        case unsupportedChannel(String)
        case malformed(MalformedRequest)
        case forward(ForwardTarget)
        case listen(ForwardAddress)
        case cancelListen(ForwardAddress)
        case sessionClosed(UInt64)
        case disconnected(ConnectionEnd)
        /// Anything a program of the server wants to tell.
        case note(String)
    }

    /// Nothing of the kind has happened in time.
    package struct NothingHappened: Error {
        package let entries: [Entry]
    }

    private struct Waiter {
        let condition: @Sendable ([Entry]) -> Bool
        let promise: EventLoopPromise<Bool>
    }

    private struct State {
        var entries: [Entry] = []
        var waiters: [Waiter] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var entries: [Entry] { state.withLock { $0.entries } }

    package func add(_ entry: Entry) {
        let done = state.withLock { state -> [Waiter] in
            state.entries.append(entry)
            let entries = state.entries
            let done = state.waiters.filter { $0.condition(entries) }
            state.waiters.removeAll { $0.condition(entries) }
            return done
        }
        for waiter in done { waiter.promise.succeed(true) }
    }

    /// Returns once `condition` holds for all that has happened.
    ///
    /// - Throws: `NothingHappened` after 20 seconds.
    package func wait(
        for condition: @escaping @Sendable ([Entry]) -> Bool
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Bool.self)
        let isThere = state.withLock { state in
            guard !condition(state.entries) else { return true }
            state.waiters.append(Waiter(condition: condition, promise: promise))
            return false
        }
        if isThere { promise.succeed(true) }
        let timer = loop.scheduleTask(in: .seconds(20)) { promise.succeed(false) }
        defer { timer.cancel() }
        guard try await promise.futureResult.get() else { throw NothingHappened(entries: entries) }
    }

    /// Returns once `entry` has happened.
    package func wait(for entry: Entry) async throws {
        try await wait { $0.contains(entry) }
    }
}
