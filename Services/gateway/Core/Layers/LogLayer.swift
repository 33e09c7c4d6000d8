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

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await next.globalRequest(request)
    }

    func unsupportedChannel(type: String) async { await next.unsupportedChannel(type: type) }

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
