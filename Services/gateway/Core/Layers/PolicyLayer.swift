package import Logging
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
    private let openSessions = Mutex(0)

    package init(
        state: ConnectionState,
        source: any UserConfigurationSource,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
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
            let answer = try await source.configuration(
                for: state.requestHead(username: username),
                authenticatedUsername: state.facts.authenticatedUsername
            )
            state.update {
                $0.userConfig = answer.config
                $0.carried.merge(answer.carried)
                $0.authenticatedUsername = answer.authenticatedUsername ?? $0.authenticatedUsername
            }
        } catch {
            logger.emit(.sshBackendRejectedHandshake, ["reason": "\(error)"])
            throw ServerRefusal.because(error, fallback: .configBackendError)
        }
        try await next.authenticated(as: username)
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        guard let policy else {
            return .refused(.administrativelyProhibited, text: personText(.backendConfigError, nil))
        }
        guard openSessions.withLock({ policy.allowsSession(besides: $0) }) else {
            logger.emit(.securityMaxSessions)
            logger.emit(.sshNewChannelRejected, ["type": "session"])
            return .refused(.resourceShortage, text: personText(.securityMaxSessions, nil))
        }
        let decision = await next.openSession(channel)
        guard case .accepted(let handler) = decision else { return decision }
        openSessions.withLock { $0 += 1 }
        let session = PolicySession(policy: policy, logger: logger, next: handler) { [weak self] in
            self?.openSessions.withLock { $0 -= 1 }
        }
        return .accepted(session)
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        let code = policy.map { $0.refusal(of: target) } ?? .backendConfigError
        guard let code else { return await next.openForward(channel, to: target) }
        logger.emit(code, ["type": "\(target.channelType)"])
        logger.emit(.sshNewChannelRejected, ["type": "\(target.channelType)"])
        return .refused(.administrativelyProhibited, text: personText(code, nil))
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        let code = policy.map { $0.refusal(of: address) } ?? .backendConfigError
        guard let code else { return await next.listen(address) }
        logger.emit(code)
        return .refused(text: personText(code, nil))
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

extension PolicyLayer {
    /// `nil` while nobody has said what the person gets.
    private var policy: SecurityPolicy? {
        state.facts.userConfig.map { SecurityPolicy($0.security) }
    }
}

/// A session's requests, held against the policy.
private final class PolicySession: SessionHandler {
    private let policy: SecurityPolicy
    private let logger: Logger
    private let next: any SessionHandler
    private let whenClosed: @Sendable () -> Void

    init(
        policy: SecurityPolicy,
        logger: Logger,
        next: any SessionHandler,
        whenClosed: @escaping @Sendable () -> Void
    ) {
        self.policy = policy
        self.logger = logger
        self.next = next
        self.whenClosed = whenClosed
    }

    func handle(_ request: SessionRequest) async -> Bool {
        if let code = policy.refusal(of: request) {
            logger.emit(code, ["RequestType": "\(request.typeName)"])
            return false
        }
        guard let forced = policy.forced(request) else { return await next.handle(request) }
        return await run(forced)
    }

    func closed() async {
        await next.closed()
        whenClosed()
    }

    private func run(_ forced: ForcedCommand) async -> Bool {
        logger.emit(.securityExecForcingCommand)
        if !forced.original.isEmpty {
            let variable = SessionRequest.environment(
                name: "SSH_ORIGINAL_COMMAND",
                value: forced.original
            )
            guard await next.handle(variable) else {
                logger.emit(.securityExecFailedSetenv)
                return false
            }
        }
        return await next.handle(.exec(command: RawText(forced.command)))
    }
}
