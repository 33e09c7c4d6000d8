package import Logging
import MetricsClient
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
package import SharedSSH
import Synchronization

/// Asks what the person gets, and holds every request against it.
///
/// The policy in force is that of the connection's own configuration.
package final class PolicyLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let source: any UserConfigurationSource
    private let next: any ServerConnectionHandler
    private let logger: Logger
    /// Made once the person's configuration is known.
    private let policy = Mutex<SecurityPolicy?>(nil)
    private let use = Mutex(Use())
    private let forwards: ForwardLimit

    package init(
        state: ConnectionState,
        source: any UserConfigurationSource,
        forwards: ForwardLimit,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.forwards = forwards
        self.source = source
        self.next = next
        self.logger = logger
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        await next.handshakeCompleted(handshake)
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await next.authenticate(attempt)
    }

    package func authenticated(as username: String) async throws {
        do {
            let country = await state.country.value()
            let answer = try await source.configuration(
                for: state.requestHead(username: username),
                authenticatedUsername: state.facts.authenticatedUsername,
                country: country == GatewayMetrics.unknownCountry ? "" : country
            )
            forwards.allow(answer.config.security.forwarding.maxConnections)
            let limits = state.facts.credentialLimits
            policy.withLock {
                $0 = SecurityPolicy(answer.config.security, credential: limits)
            }
            state.update {
                $0.userConfig = answer.config
                $0.carried.merge(answer.carried)
                $0.authenticatedUsername = answer.authenticatedUsername ?? $0.authenticatedUsername
            }
        } catch {
            logger.emit(CodedError(.sshBackendRejectedHandshake, cause: error))
            throw ServerRefusal.because(error, fallback: .configBackendError)
        }
        try await next.authenticated(as: username)
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        guard let policy = policy.withLock({ $0 }) else {
            return .refused(.administrativelyProhibited, text: personText(.backendConfigError, nil))
        }
        guard use.withLock({ $0.takeSession(policy) }) else {
            return refuse(.securityMaxSessions, "session", .resourceShortage)
        }
        let release: @Sendable () -> Void = { [weak self] in
            self?.use.withLock { $0.sessions -= 1 }
        }
        switch await next.openSession(channel) {
        case .accepted(let handler):
            return .accepted(
                PolicySession(
                    channel,
                    policy: policy,
                    logger: state.identified(logger),
                    next: handler,
                    whenClosed: release
                )
            )
        case .refused(let reason, let text):
            release()
            return .refused(reason, text: text)
        }
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

// MARK: - Forwarding

extension PolicyLayer {
    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        let policy = policy.withLock { $0 }
        let code = policy.map { $0.refusal(of: target) } ?? .backendConfigError
        guard code == nil else {
            return refuse(
                code ?? .backendConfigError,
                target.channelType,
                .administrativelyProhibited,
                target.labels
            )
        }
        guard forwards.take() else {
            return refuse(.securityMaxForwards, target.channelType, .resourceShortage)
        }
        switch await next.openForward(channel, to: target) {
        case .accepted(let handler):
            return .accepted(LimitedForward(next: handler, limit: forwards))
        case .refused(let reason, let text):
            forwards.release()
            return .refused(reason, text: text)
        }
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        let policy = policy.withLock { $0 }
        let code = policy.map { $0.refusal(of: address) } ?? .backendConfigError
        guard let policy, code == nil else {
            return refuse(address, code ?? .backendConfigError)
        }
        guard use.withLock({ $0.takeListener(policy) }) else {
            return refuse(address, .securityMaxListeners)
        }
        let reply = await next.listen(address)
        guard case .listening(let port) = reply else {
            use.withLock { $0.listeners -= 1 }
            return reply
        }
        // A port that the system chose may be one that the rules deny.
        let bound = address.bound(to: port.flatMap(UInt16.init(exactly:)))
        guard bound != address, let code = policy.refusal(of: bound) else { return reply }
        _ = await cancelListen(bound)
        return refuse(bound, code)
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        let wasListening = await next.cancelListen(address)
        if wasListening { use.withLock { $0.listeners -= 1 } }
        return wasListening
    }

    private func refuse(_ address: ForwardAddress, _ code: MessageCode) -> ListenReply {
        state.identified(logger).emit(code, address.labels)
        return .refused(text: personText(code, nil))
    }

    private func refuse<Handler>(
        _ code: MessageCode,
        _ type: String,
        _ reason: ChannelOpenFailureReason,
        _ labels: Logger.Metadata = [:]
    ) -> ChannelDecision<Handler> {
        let logger = state.identified(logger)
        logger.emit(code, labels.merging(["type": "\(type)"]) { $1 })
        logger.emit(.sshNewChannelRejected, ["type": "\(type)", "reason": "\(code.id)"])
        return .refused(reason, text: personText(code, nil))
    }
}

/// What of the limits is taken.
private struct Use: Sendable {
    var sessions = 0
    var listeners = 0

    mutating func takeSession(_ policy: SecurityPolicy) -> Bool {
        guard policy.allowsSession(besides: sessions) else { return false }
        sessions += 1
        return true
    }

    mutating func takeListener(_ policy: SecurityPolicy) -> Bool {
        guard policy.allowsListener(besides: listeners) else { return false }
        listeners += 1
        return true
    }
}
