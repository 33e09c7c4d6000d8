import Logging
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// Writes a connection's life into the log, and keeps it in the register of those that are open:
/// it came, somebody logged in, they left, it went. The session webhook is told of the same.
final class LogLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let logger: Logger
    private let next: any ServerConnectionHandler
    private let registry: SessionRegistry
    private let session: LiveSession
    private let wasCreated = Mutex(false)
    private let events: ConnectionEvents?

    init(
        state: ConnectionState,
        registry: SessionRegistry,
        control: any ServerConnectionControl,
        events: ConnectionEvents? = nil,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.registry = registry
        self.logger = logger
        self.next = next
        self.events = events
        session = LiveSession(state: state, control: control)
        registry.add(session)
        logger.emit(
            .sshConnected,
            ["port": "\(state.remoteAddress.port)", "listen": "\(state.listener)"]
        )
    }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {
        logger.emit(
            .sshAlgorithmsAgreed,
            [
                "keyExchange": "\(handshake.keyExchange)",
                "hostKey": "\(handshake.hostKeyAlgorithm)",
                "cipher": "\(handshake.inboundCipher)",
            ]
        )
        await next.handshakeCompleted(handshake)
    }

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await next.authenticate(attempt)
    }

    func authenticated(as username: String) async throws {
        session.authenticated()
        try await next.authenticated(as: username)
        wasCreated.withLock { $0 = true }
        events?.began()
        logger.emit(.sessionCreated, identity)
    }

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        switch await next.openSession(channel) {
        case .accepted(let handler):
            session.sessionOpened()
            return .accepted(CountedSession(next: handler, session: session))
        case .refused(let reason, let text):
            return .refused(reason, text: text)
        }
    }

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        await next.openForward(channel, to: target)
    }

    func listen(_ address: ForwardAddress) async -> ListenReply {
        await next.listen(address)
    }

    func cancelListen(_ address: ForwardAddress) async -> Bool {
        await next.cancelListen(address)
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await next.globalRequest(request)
    }

    func unsupportedChannel(type: String) async { await next.unsupportedChannel(type: type) }

    func malformed(_ request: MalformedRequest) async { await next.malformed(request) }

    func disconnected(_ end: ConnectionEnd) async {
        let wasAuthenticated = session.isAuthenticated
        if end == .silent { logger.emit(.sshKeepaliveNoresp) }
        if !wasAuthenticated {
            logger.emit(.sshHandshakeFailed, ["reason": "\(end.description)"])
        }
        await next.disconnected(end)
        registry.remove(state.connectionID)
        let figures = figures(end)
        if wasCreated.withLock({ $0 }) {
            tellEnd(end)
            logger.emit(.sessionEnded, identity.merging(figures) { $1 })
        }
        logger.emit(
            .sshDisconnected,
            figures.merging(["username": "\(state.facts.username)"]) { $1 },
            level: wasAuthenticated ? .notice : nil
        )
    }

    private func tellEnd(_ end: ConnectionEnd) {
        let traffic = session.control.traffic
        events?.ended(
            end.description,
            after: session.age,
            received: UInt64(clamping: traffic.received),
            sent: UInt64(clamping: traffic.sent)
        )
    }

    private var identity: Logger.Metadata {
        let facts = state.facts
        return [
            "username": "\(facts.username)",
            "authenticatedUsername": "\(facts.authenticatedUsername)",
        ]
    }

    private func figures(_ end: ConnectionEnd) -> Logger.Metadata {
        let traffic = session.control.traffic
        return [
            "reason": "\(end.description)",
            "duration": .stringConvertible(session.age.roundedSeconds),
            "bytesReceived": .stringConvertible(traffic.received),
            "bytesSent": .stringConvertible(traffic.sent),
        ]
    }
}

/// Counts a session channel among those that are open.
private struct CountedSession: SessionHandler {
    let next: any SessionHandler
    let session: LiveSession

    func handle(_ request: SessionRequest) async -> Bool { await next.handle(request) }

    func closed() async {
        await next.closed()
        session.sessionClosed()
    }
}

extension Duration {
    /// Seconds to the millisecond, for the log.
    var roundedSeconds: Double { (self / .milliseconds(1)).rounded() / 1000 }
}
