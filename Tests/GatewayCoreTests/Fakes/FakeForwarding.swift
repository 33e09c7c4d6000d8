import SharedMessages
import SharedSSH
import Synchronization

@testable import GatewayCore

/// A workspace with one stream to dial and one listener at a time.
final class FakeForwardWorkspace: Workspace {
    private struct State {
        var dialled: [DialDestination] = []
        var failure: (any Error)?
        var dialIgnoresCancellation = false
        var listenIgnoresCancellation = false
        var listener = FakeListener()
        var places: [ListenPlace] = []
    }

    let label = "fake-forwards"
    let stream = FakeStream()
    private let state = Mutex(State())

    var dialled: [DialDestination] { state.withLock { $0.dialled } }
    var places: [ListenPlace] { state.withLock { $0.places } }
    var listener: FakeListener { state.withLock { $0.listener } }

    var failure: (any Error)? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    /// A dial takes until it is cancelled, and then brings a stream after all.
    var dialIgnoresCancellation: Bool {
        get { state.withLock { $0.dialIgnoresCancellation } }
        set { state.withLock { $0.dialIgnoresCancellation = newValue } }
    }

    /// The same for listening.
    var listenIgnoresCancellation: Bool {
        get { state.withLock { $0.listenIgnoresCancellation } }
        set { state.withLock { $0.listenIgnoresCancellation = newValue } }
    }

    func renewListener() { state.withLock { $0.listener = FakeListener() } }

    func start(_ request: ProgramRequest) async throws -> any Program {
        throw OperationUnsupported(operation: "start")
    }

    func putFile(_ file: WorkspaceFile) async throws {
        throw OperationUnsupported(operation: "putFile")
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        let now = state.withLock { state in
            state.dialled.append(destination)
            return state
        }
        if let failure = now.failure { throw failure }
        if now.dialIgnoresCancellation {
            // Nothing ever comes: it ends by being cancelled.
            _ = try? await FakePipe().take()
        }
        return stream
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        if let failure { throw failure }
        state.withLock { $0.places.append(place) }
        if listenIgnoresCancellation {
            // As with a dial.
            _ = try? await FakePipe().take()
        }
        return listener
    }

    func close() async {}
}

/// Where the test is who connects.
final class FakeListener: WorkspaceListener {
    private struct State {
        var arrivals: [AcceptedStream] = []
        var acceptor: CheckedContinuation<AcceptedStream?, any Error>?
        var isClosed = false
        var failure: (any Error)?
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
    }

    let boundPort: UInt16? = 4711
    let environment: [(name: String, value: String)] = [("WHERE", "here")]
    private let state = Mutex(State())

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func arrive(_ stream: FakeStream, from originator: (host: String, port: UInt16)?) {
        state.withLock {
            $0.arrivals.append(AcceptedStream(stream: stream, originator: originator))
        }
        wake()
    }

    /// Accepts nothing any more, as a socket that is broken.
    func fail(_ error: any Error) { state.withLock { $0.failure = error } }

    func accept() async throws -> AcceptedStream? {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { acceptor in
                state.withLock { $0.acceptor = acceptor }
                wake()
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
    }

    func close() async {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.closeWaiters = [] }
            return state.closeWaiters
        }
        for waiter in waiters { waiter.resume() }
        wake()
    }

    func untilClosed() async {
        await withCheckedContinuation { waiter in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.closeWaiters.append(waiter) }
                return state.isClosed
            }
            if isClosed { waiter.resume() }
        }
    }

    private func cancel() {
        state.withLock { $0.acceptor.take() }?.resume(throwing: CancellationError())
    }

    private func wake() {
        typealias Acceptor = CheckedContinuation<AcceptedStream?, any Error>
        let (acceptor, arrival) = state.withLock { state -> (Acceptor?, AcceptedStream?) in
            if state.isClosed { return (state.acceptor.take(), nil) }
            guard state.acceptor != nil, !state.arrivals.isEmpty else { return (nil, nil) }
            return (state.acceptor.take(), state.arrivals.removeFirst())
        }
        acceptor?.resume(returning: arrival)
    }
}

/// Opens every channel that is asked for, or none.
final class ChannelGiver: ServerConnectionControl {
    typealias Given = (opening: ServerChannelOpening, channel: FakeByteChannel)

    private let given: AsyncStream<Given>
    private let giving: AsyncStream<Given>.Continuation
    private let state = Mutex((count: 0, refusal: ChannelOpenRefused?.none))

    init() { (given, giving) = AsyncStream.makeStream(of: Given.self) }

    var count: Int { state.withLock { $0.count } }

    var refusal: ChannelOpenRefused? {
        get { state.withLock { $0.refusal } }
        set { state.withLock { $0.refusal = newValue } }
    }

    func disconnect(_ refusal: ServerRefusal) {}
    func banner(_ text: String) {}
    func notify(_ text: String) {}
    var traffic: ConnectionTraffic { ConnectionTraffic() }

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        if let refusal { throw refusal }
        let channel = FakeByteChannel()
        state.withLock { $0.count += 1 }
        giving.yield((opening, channel))
        return channel
    }

    /// The next channel that was opened.
    func next() async throws -> Given {
        var iterator = given.makeAsyncIterator()
        guard let next = await iterator.next() else { throw CancellationError() }
        return next
    }
}

/// Gives everybody the same workspace.
final class OneWorkspace: Backend {
    static let name = "one"
    private let workspace: any Workspace

    init(_ workspace: any Workspace) { self.workspace = workspace }

    func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace { workspace }
}
