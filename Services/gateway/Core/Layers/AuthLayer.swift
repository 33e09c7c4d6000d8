package import Logging
package import MetricsClient
package import SharedSSH

/// Asks who somebody is and binds the identity that is confirmed; `Login` decides.
package final class AuthLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let login: Login
    private let next: any ServerConnectionHandler

    package init(
        state: ConnectionState,
        authenticators: Authenticators,
        metrics: GatewayMetrics,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.next = next
        login = Login(
            state: state,
            authenticators: authenticators,
            metrics: metrics,
            logger: logger
        )
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        state.update { $0.clientVersion = handshake.clientVersion }
        await next.handshakeCompleted(handshake)
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await login.decide(attempt)
    }

    package func authenticated(as username: String) async throws {
        try await next.authenticated(as: username)
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        await next.openSession(channel)
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        await next.openForward(channel, to: target)
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        await next.listen(address)
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        await next.cancelListen(address)
    }

    package func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await next.globalRequest(request)
    }

    package func unsupportedChannel(type: String) async {
        await next.unsupportedChannel(type: type)
    }

    package func malformed(_ request: MalformedRequest) async { await next.malformed(request) }

    package func disconnected(_ end: ConnectionEnd) async {
        await next.disconnected(end)
    }
}
