import AuthClient
import Logging
import MetricsClient
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// Watches a connection on its way to a login: its name, its attempts, and how it ends.
///
/// A connection that ends without a login costs its source a penalty, once, for the worst that
/// happened, unless it was we who failed.
final class LimitsLayer: ServerConnectionHandler {
    private struct Progress {
        var isWaiting = true
        var hasAttempted = false
        var failure: PenaltyKind?
        /// The fault was ours or the person's alone: nobody is penalized.
        var isOurs = false
    }

    private let client: RemoteClient
    private let limiter: ConnectionLimiter
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let next: any ServerConnectionHandler
    private let source: Source?
    private let progress = Mutex(Progress())

    init(
        client: RemoteClient,
        limiter: ConnectionLimiter,
        metrics: GatewayMetrics,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.client = client
        self.limiter = limiter
        self.metrics = metrics
        self.logger = logger
        self.next = next
        source = limiter.source(of: client.host)
    }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {
        await next.handshakeCompleted(handshake)
    }

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        if let refusal = refusal(of: attempt) { return .disconnect(refusal) }
        let verdict = await next.authenticate(attempt)
        switch verdict {
        case .disconnect: progress.withLock { $0.isOurs = true }
        case .refused(_, _, isUnknownUser: true):
            progress.withLock { $0.failure = $0.failure ?? .invalidUser }
        default: break
        }
        return verdict
    }

    func authenticated(as username: String) async throws {
        progress.withLock { $0.isWaiting = false }
        limiter.loggedIn(client, source)
        try await next.authenticated(as: username)
    }

    func disconnected(_ end: ConnectionEnd) async {
        let wasWaiting = progress.withLock { $0.isWaiting }
        if end == .graceExceeded {
            metrics.limitReached(.limitsLoginGraceExceeded)
            logger.emit(.limitsLoginGraceExceeded)
        }
        if wasWaiting, let failure = failure(end) { limiter.failed(failure, source, logger) }
        await next.disconnected(end)
    }

    // MARK: - Private

    private func refusal(of attempt: AuthenticationAttempt) -> ServerRefusal? {
        guard limiter.allows(username: attempt.username) else {
            progress.withLock { $0.failure = .invalidUser }
            return refuse(.limitsUsernameRefused, .illegalUserName, attempt, [:])
        }
        guard attempt.method.isProof else {
            if attempt.method != .none { progress.withLock { $0.hasAttempted = true } }
            return nil
        }
        progress.withLock { $0.hasAttempted = true }
        guard let scope = limiter.attempted(attempt.username, source) else { return nil }
        progress.withLock { $0.failure = .refused }
        return refuse(
            .limitsAuthRate,
            .noMoreAuthenticationMethods,
            attempt,
            ["scope": "\(scope.rawValue)"]
        )
    }

    private func refuse(
        _ code: MessageCode,
        _ reason: DisconnectReason,
        _ attempt: AuthenticationAttempt,
        _ labels: Logger.Metadata
    ) -> ServerRefusal {
        metrics.limitReached(code)
        logger.emit(code, labels.merging(["username": "\(attempt.username)"]) { $1 })
        return ServerRefusal(reason: reason, text: personText(code, nil))
    }

    /// The worst that a connection without a login has done; `nil` if it was our fault.
    private func failure(_ end: ConnectionEnd) -> PenaltyKind? {
        let progress = progress.withLock { $0 }
        if end == .graceExceeded { return .graceExceeded }
        if let failure = progress.failure { return failure }
        if progress.isOurs { return nil }
        if progress.hasAttempted { return .authFailure }
        guard case .byServer(let reason, _) = end else { return .noAuth }
        return switch reason {
        case .protocolError, .macError: .violation
        case .illegalUserName: .invalidUser
        case .keyExchangeFailed, .compressionError, .protocolVersionNotSupported,
            .serviceNotAvailable:
            .noAuth
        // The server stops, or has a fault.
        default: nil
        }
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

    func listen(_ address: ForwardAddress) async -> ListenReply { await next.listen(address) }

    func cancelListen(_ address: ForwardAddress) async -> Bool {
        await next.cancelListen(address)
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await next.globalRequest(request)
    }

    func unsupportedChannel(type: String) async { await next.unsupportedChannel(type: type) }

    func malformed(_ request: MalformedRequest) async { await next.malformed(request) }
}

extension AuthenticationAttempt.Method {
    /// Whether it says something that can be guessed, not only asks.
    fileprivate var isProof: Bool {
        switch self {
        case .password, .publicKey, .publicKeyBadSignature, .keyboardInteractiveAnswers,
            .gssapiToken, .gssapiProof:
            true
        case .none, .publicKeyProbe, .unusableKey, .keyboardInteractive, .passwordChange,
            .unsupported, .gssapi:
            false
        }
    }
}
