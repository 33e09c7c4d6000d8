import Logging
package import MetricsClient
import SharedLogging
import SharedMessages
package import SharedSSH
import SharedTracing
import Synchronization

/// The outermost layer: counts connections, how their handshakes and how they themselves end, each
/// once, and logs the client's version and the end's reason. It times the stages of a login, for the
/// metrics and for the trace.
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
    private let trace: LoginTrace?

    /// Counts the connection as open from here on, once its country is decided.
    package init(
        metrics: GatewayMetrics,
        disconnects: DisconnectReport,
        country: CountrySlot,
        acceptedAt start: ContinuousClock.Instant = .now,
        trace: LoginTrace? = nil,
        next: any ServerConnectionHandler
    ) {
        self.metrics = metrics
        self.disconnects = disconnects
        self.next = next
        self.start = start
        self.trace = trace
        stageStart = Mutex(start)
        self.country = country
        country.whenKnown {
            metrics.connectionOpened(country: $0)
            trace?.root.set(.country, .string($0))
        }
    }

    package func versionReceived(_ line: String) {
        clientVersion.withLock { $0 = line }
        disconnects.logger.emit(.sshVersionReceived, ["clientVersion": "\(line)"])
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        let stage = endStage(.keyExchange)
        guard let trace else { return await next.handshakeCompleted(handshake) }
        trace.handshakeCompleted(handshake, from: stage.begun, to: stage.ended)
        await trace.root.run { await next.handshakeCompleted(handshake) }
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        guard let span = trace?.attempt(attempt) else { return await next.authenticate(attempt) }
        let verdict = await span.run { await next.authenticate(attempt) }
        span.answered(verdict)
        span.end()
        return verdict
    }

    package func authenticated(as username: String) async throws {
        let stage = endStage(.authentication)
        if let trace {
            let span = trace.authenticated(as: username, at: stage.ended)
            do {
                try await span.run { try await next.authenticated(as: username) }
            } catch {
                trace.notConfigured(error)
                throw error
            }
        } else {
            try await next.authenticated(as: username)
        }
        let configured = endStage(.configuration)
        trace?.configured(at: configured.ended)
        isAuthenticated.withLock { $0 = true }
        let duration = clock.now - start
        metrics.handshakeSucceeded(country: await country.value(), after: duration)
    }

    @discardableResult
    private func endStage(
        _ stage: GatewayMetrics.LoginStage
    ) -> (begun: ContinuousClock.Instant, ended: ContinuousClock.Instant) {
        let now = clock.now
        let begun = stageStart.withLock { start in
            defer { start = now }
            return start
        }
        metrics.stageEnded(stage, after: now - begun)
        return (begun, now)
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        guard let trace else { return await next.openSession(channel) }
        let span = trace.root.child("ssh.session")
        span.set(.channel, .integer(Int(clamping: channel.id)))
        switch await span.run({ await next.openSession(channel) }) {
        case .accepted(let handler):
            return .accepted(TracedSession(next: handler, span: span, trace: trace))
        case .refused(let reason, let text):
            span.fail("\(reason)")
            span.end()
            return .refused(reason, text: text)
        }
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        let decision = await next.openForward(channel, to: target)
        if let trace, case .accepted = decision { trace.over(.forward) }
        return decision
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        let reply = await next.listen(address)
        if let trace, case .listening = reply { trace.over(.forward) }
        return reply
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
        if let trace {
            await trace.root.run { await next.disconnected(end) }
            trace.disconnected()
        } else {
            await next.disconnected(end)
        }
        disconnects.report(
            Disconnect(end),
            ["clientVersion": "\(clientVersion.withLock { $0 })"]
        )
    }
}
