import DequeModule
import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// A place on the target where connections are accepted for the client.
final class FarListener: WorkspaceListener {
    private struct State {
        var boundPort: UInt16?
        var environment: [(name: String, value: String)] = []
        var accepted = Deque<AcceptedStream>()
        var waiter: CheckedContinuation<AcceptedStream?, any Error>?
        var isClosed = false
    }

    let place: ListenPlace
    let loop: any EventLoop
    private let connection: FarConnection
    private let state = Mutex(State())
    private let waiting: LoopWaiter

    /// Connections that nobody has fetched yet; more are refused. As the kernel has it for
    /// listen(2) in OpenSSH.
    private static let backlog = 128

    init(connection: FarConnection, place: ListenPlace, loop: any EventLoop) {
        self.connection = connection
        self.place = place
        self.loop = loop
        waiting = LoopWaiter(on: loop)
    }

    var boundPort: UInt16? { state.withLock { $0.boundPort } }

    var environment: [(name: String, value: String)] {
        get { state.withLock { $0.environment } }
        set { state.withLock { $0.environment = newValue } }
    }

    // MARK: - Listening

    /// Has the target listen; a display or an agent only waits to be used.
    ///
    /// - Throws: `CodedError` when it does not.
    func listen() async throws {
        guard let request = place.request(isCancel: false) else { return try register() }
        let answer = Latch<Void>()
        let isTaken = connection.post { session in
            session.askGlobally(request) { reply in
                answer.settle(self.answered(reply, session))
            }
        }
        guard isTaken else { throw CodedError(.sshproxyShuttingDown) }
        do {
            try await answer.value(
                within: connection.timeout,
                late: CodedError(.sshproxyBackendForwardFailed, detail: "no answer in time")
            )
        } catch {
            await close()
            throw error
        }
    }

    /// On the connection's thread.
    private func answered(
        _ reply: GlobalReply?,
        _ session: FarSession
    ) -> Result<Void, any Error> {
        guard case .success(let payload) = reply else {
            connection.logger.emit(.sshproxyBackendForwardFailed, ["reason": "refused to listen"])
            let text = "The target server does not listen there."
            return .failure(
                CodedError(.sshproxyBackendForwardFailed, detail: "listen", personText: text)
            )
        }
        if case .tcp(_, let port) = place {
            let bound = payload.getInteger(at: payload.readerIndex, as: UInt32.self)
            let number = port == 0 ? UInt16(exactly: bound ?? 0) ?? 0 : port
            guard number != 0 else {
                let detail = "the target did not say which port it listens on"
                return .failure(CodedError(.sshproxyBackendForwardFailed, detail: detail))
            }
            state.withLock { $0.boundPort = number }
        }
        session.register(self)
        return .success(())
    }

    /// Takes what the target opens for a display or an agent.
    private func register() throws {
        guard connection.post({ $0.register(self) }) else {
            throw CodedError(.sshproxyShuttingDown)
        }
    }

    /// Whether a channel that the target opens is for this place.
    func takes(_ opening: ServerChannelOpening) -> Bool {
        switch (place, opening) {
        case (.tcp(let host, _), .forwardedTCP(let openedHost, let openedPort, _)):
            // Several may listen on one port, at different addresses.
            host == openedHost && boundPort.map(UInt32.init) == openedPort
        case (.unixSocket(let path), .forwardedUnixSocket(let opened)): path == opened
        case (.x11, .x11), (.agent, .agent): true
        default: false
        }
    }

    // MARK: - Accepting

    func accept() async throws -> AcceptedStream? {
        try await waiting.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    private func wait(_ continuation: CheckedContinuation<AcceptedStream?, any Error>) {
        let answer: Result<AcceptedStream?, any Error>? = state.withLock { state in
            if let stream = state.accepted.popFirst() { return .success(stream) }
            if state.isClosed { return .success(nil) }
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiter = continuation
            return nil
        }
        if let answer { continuation.resume(with: answer) }
    }

    /// On the connection's thread: a channel for this place; `false` when it cannot take it.
    func offer(_ stream: AcceptedStream) -> Bool {
        let (isTaken, waiter) = state.withLock { state in
            guard !state.isClosed, state.accepted.count < Self.backlog else {
                return (false, CheckedContinuation<AcceptedStream?, any Error>?.none)
            }
            if let waiter = state.waiter.take() { return (true, waiter) }
            state.accepted.append(stream)
            return (true, nil)
        }
        waiter?.resume(returning: stream)
        return isTaken
    }

    // MARK: - End

    /// On the connection's thread: nothing comes any more.
    func connectionEnded() {
        let waiter = state.withLock { state in
            state.isClosed = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    func close() async {
        let (waiter, left) = state.withLock { state in
            state.isClosed = true
            defer { state.accepted = [] }
            return (state.waiter.take(), state.accepted)
        }
        waiter?.resume(returning: nil)
        for stream in left { await stream.stream.close() }
        let port = boundPort
        // Over already when the connection is.
        _ = connection.post { session in
            guard session.unregister(self) else { return }
            guard let request = self.place.cancellation(boundPort: port) else { return }
            session.askGlobally(request) { _ in }
        }
    }
}

extension ListenPlace {
    /// RFC 4254 §7.1, OpenSSH's PROTOCOL §2.4; `nil` for what a session asks for, not the connection.
    fileprivate func request(isCancel: Bool) -> GlobalRequest? {
        var payload = ByteBuffer()
        let type: String
        switch self {
        case .tcp(let host, let port):
            type = "tcpip-forward"
            payload.writeSSHString(host)
            payload.writeInteger(UInt32(port))
        case .unixSocket(let path):
            type = "streamlocal-forward@openssh.com"
            payload.writeSSHString(path)
        case .x11, .agent: return nil
        }
        return GlobalRequest(
            type: isCancel ? "cancel-" + type : type,
            payload: payload,
            wantsReply: true
        )
    }

    fileprivate func cancellation(boundPort: UInt16?) -> GlobalRequest? {
        switch self {
        case .tcp(let host, let port):
            let bound = Self.tcp(host: host, port: boundPort ?? port)
            return bound.request(isCancel: true)
        case .unixSocket: return request(isCancel: true)
        case .x11, .agent: return nil
        }
    }
}
