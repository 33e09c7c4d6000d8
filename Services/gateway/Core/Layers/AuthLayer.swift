import AuthClient
package import Logging
import SharedLogging
import SharedMessages
import SharedModels
package import SharedSSH
import Synchronization

/// Asks the auth webhooks and binds the identity they confirm.
///
/// A key is looked up at the probe; its answer is kept for the signed request that follows, and
/// the identity is bound only then, after the engine has verified the signature.
package final class AuthLayer: ServerConnectionHandler {
    private struct KeyAnswer: Sendable {
        let username: String
        let key: [UInt8]
        let answer: AuthResponse
    }

    private let state: ConnectionState
    private let authenticators: Authenticators
    private let next: any ServerConnectionHandler
    private let logger: Logger
    private let lastKey = Mutex<KeyAnswer?>(nil)

    package init(
        state: ConnectionState,
        authenticators: Authenticators,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.authenticators = authenticators
        self.logger = logger
        self.next = next
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        state.update { $0.clientVersion = handshake.clientVersion }
        await next.handshakeCompleted(handshake)
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        state.update { $0.username = attempt.username }
        switch attempt.method {
        case .none, .unsupported, .unusableKey, .keyboardInteractive,
            .keyboardInteractiveAnswers, .passwordChange:
            return refusal
        case .password(let bytes):
            return await password(bytes, attempt.username)
        case .publicKeyProbe(let key):
            return await publicKey(key, attempt.username, isProven: false)
        case .publicKey(let key):
            return await publicKey(key, attempt.username, isProven: true)
        case .publicKeyBadSignature:
            logger.emit(.sshAuthBadSignature, labels(attempt.username, .publicKey))
            return refusal
        }
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

    // MARK: - Methods

    private enum Method: String {
        case password
        case publicKey = "public key"
    }

    private var refusal: AuthenticationVerdict {
        .refused(methods: authenticators.methodNames)
    }

    private func password(_ bytes: [UInt8], _ username: String) async -> AuthenticationVerdict {
        guard let authenticator = authenticators.password else {
            return unavailable(.password, username)
        }
        do {
            let answer = try await authenticator.decide(request(username, .password(bytes)))
            guard answer.success else { return refused(.password, username) }
            return try await bind(answer, .password, username)
        } catch {
            return failed(error, .password, username)
        }
    }

    private func publicKey(
        _ key: OfferedKey,
        _ username: String,
        isProven: Bool
    ) async -> AuthenticationVerdict {
        guard let authenticator = authenticators.publicKey else {
            return unavailable(.publicKey, username)
        }
        do {
            let answer = try await keyAnswer(key, username, from: authenticator)
            guard answer.success else { return refused(.publicKey, username) }
            return isProven ? try await bind(answer, .publicKey, username) : .accepted
        } catch {
            return failed(error, .publicKey, username)
        }
    }

    private func keyAnswer(
        _ key: OfferedKey,
        _ username: String,
        from authenticator: any Authenticator
    ) async throws -> AuthResponse {
        let known = lastKey.withLock { $0 }
        if let known, known.username == username, known.key == key.blob { return known.answer }
        let line = "\(key.type) \(base64(key.blob))"
        let answer = try await authenticator.decide(request(username, .publicKey(line)))
        lastKey.withLock { $0 = KeyAnswer(username: username, key: key.blob, answer: answer) }
        return answer
    }

    /// Authorizes a proven identity, then makes it the connection's.
    private func bind(
        _ answer: AuthResponse,
        _ method: Method,
        _ username: String
    ) async throws -> AuthenticationVerdict {
        var identity = answer.authenticatedUsername ?? ""
        var carried = answer.carried
        if let authorization = authenticators.authorization {
            var question = request(username, .authorization(authenticatedUsername: identity))
            question.head.carried.merge(carried)
            let authorized = try await authorization.decide(question)
            guard authorized.success else { return refused(method, username) }
            identity = authorized.authenticatedUsername ?? identity
            carried.merge(authorized.carried)
        }
        let bound = (identity: identity, carried: carried)
        state.update {
            $0.authenticatedUsername = bound.identity
            $0.carried.merge(bound.carried)
        }
        logger.emit(.sshAuthSuccessful, labels(username, method))
        return .accepted
    }

    // MARK: - Refusals

    private func refused(_ method: Method, _ username: String) -> AuthenticationVerdict {
        logger.emit(.sshAuthFailed, labels(username, method))
        return refusal
    }

    private func unavailable(_ method: Method, _ username: String) -> AuthenticationVerdict {
        logger.emit(.sshAuthUnavailable, labels(username, method))
        return refusal
    }

    /// No answer could be had: trying again on this connection is of no use, and the person is
    /// told so instead of being asked for another password.
    private func failed(
        _ error: any Error,
        _ method: Method,
        _ username: String
    ) -> AuthenticationVerdict {
        // The client has gone; nobody is left to refuse.
        if error is CancellationError { return refusal }
        var labels = labels(username, method)
        labels["reason"] = "\(error)"
        logger.emit(.sshAuthUnavailable, labels)
        return .disconnect(.unavailable(.sshAuthUnavailable))
    }

    private func labels(_ username: String, _ method: Method) -> Logger.Metadata {
        ["username": "\(username)", "method": "\(method.rawValue)"]
    }

    private func request(_ username: String, _ question: AuthQuestion) -> AuthRequest {
        AuthRequest(head: state.requestHead(username: username), question: question)
    }
}
