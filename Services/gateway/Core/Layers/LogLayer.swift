import Logging
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// Writes a connection's life into the log: it came, its handshake failed, it went.
final class LogLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let logger: Logger
    private let next: any ServerConnectionHandler
    private let isAuthenticated = Mutex(false)

    init(state: ConnectionState, logger: Logger, next: any ServerConnectionHandler) {
        self.state = state
        self.logger = logger
        self.next = next
        logger.emit(.sshConnected, ["port": "\(state.remoteAddress.port)"])
    }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {
        await next.handshakeCompleted(handshake)
    }

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await next.authenticate(attempt)
    }

    func authenticated(as username: String) async throws {
        isAuthenticated.withLock { $0 = true }
        try await next.authenticated(as: username)
    }

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        await next.openSession(channel)
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
        let wasAuthenticated = isAuthenticated.withLock { $0 }
        if end == .silent { logger.emit(.sshKeepaliveNoresp) }
        if !wasAuthenticated {
            logger.emit(.sshHandshakeFailed, ["reason": "\(end.description)"])
        }
        await next.disconnected(end)
        logger.emit(
            .sshDisconnected,
            ["reason": "\(end.description)", "username": "\(state.facts.username)"],
            level: wasAuthenticated ? .notice : nil
        )
    }
}
