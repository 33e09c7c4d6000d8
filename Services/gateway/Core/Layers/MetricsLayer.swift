import Logging
package import MetricsClient
import SharedLogging
import SharedMessages
package import SharedSSH
import Synchronization

/// The outermost layer: counts connections, how their handshakes and how they themselves end, each
/// once, and logs the client's version and the end's reason.
package final class MetricsLayer: ServerConnectionHandler {
    private let metrics: GatewayMetrics
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let next: any ServerConnectionHandler
    private let disconnects: DisconnectReport
    private let country: CountrySlot
    private let isAuthenticated = Mutex(false)
    /// When the latest stage of the login ended.
    private let stageStart: Mutex<ContinuousClock.Instant>
    private let clientVersion = Mutex("")

    /// Counts the connection as open from here on, once its country is decided.
    package init(
        metrics: GatewayMetrics,
        disconnects: DisconnectReport,
        country: CountrySlot,
        next: any ServerConnectionHandler
    ) {
        self.metrics = metrics
        self.disconnects = disconnects
        self.next = next
        self.start = clock.now
        stageStart = Mutex(start)
        self.country = country
        country.whenKnown { metrics.connectionOpened(country: $0) }
    }

    package func versionReceived(_ line: String) {
        clientVersion.withLock { $0 = line }
        disconnects.logger.emit(.sshVersionReceived, ["clientVersion": "\(line)"])
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        endStage(.keyExchange)
        await next.handshakeCompleted(handshake)
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await next.authenticate(attempt)
    }

    package func authenticated(as username: String) async throws {
        endStage(.authentication)
        try await next.authenticated(as: username)
        endStage(.configuration)
        isAuthenticated.withLock { $0 = true }
        let duration = clock.now - start
        metrics.handshakeSucceeded(country: await country.value(), after: duration)
    }

    private func endStage(_ stage: GatewayMetrics.LoginStage) {
        let now = clock.now
        let begun = stageStart.withLock { start in
            defer { start = now }
            return start
        }
        metrics.stageEnded(stage, after: now - begun)
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
        let country = await country.value()
        if !isAuthenticated.withLock({ $0 }) { metrics.handshakeFailed(country: country) }
        metrics.connectionClosed(country: country)
        await next.disconnected(end)
        disconnects.report(
            Disconnect(end),
            ["clientVersion": "\(clientVersion.withLock { $0 })"]
        )
    }
}
