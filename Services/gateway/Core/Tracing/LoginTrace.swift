import SharedMessages
package import SharedSSH
package import SharedTracing
import Synchronization

/// The trace of one connection: its root `ssh.login` lasts from the accepted connection until the
/// person has something, and all else the connection does is below it.
package final class LoginTrace: Sendable {
    /// What a login ends with.
    package enum End: String, Sendable {
        /// A program has sent its first bytes.
        case output
        /// A program has ended without a word.
        case programEnded = "program_ended"
        /// A connection is being forwarded, or a port listened on.
        case forward
        case disconnected
    }

    private struct State {
        /// From the key exchange to the authenticated user.
        var authentication: Span?
        /// From there until the configuration is there and the backend at work.
        var configuration: Span?
        var isAuthenticated = false
    }

    /// `ssh.login`
    package let root: Span
    private let state = Mutex(State())

    package init(
        _ tracer: Tracer,
        client: RemoteClient,
        connectionID: String,
        at start: ContinuousClock.Instant
    ) {
        root = tracer.begin("ssh.login", .server, at: start)
        root.set(.connection, .string(connectionID))
        root.set(.clientAddress, .string(client.host))
        root.set(.clientPort, .integer(client.port))
        root.set(.listener, "\(client.listener)")
    }

    /// The key exchange ended at `now`; it began at `start`.
    func handshakeCompleted(
        _ handshake: HandshakeFacts,
        from start: ContinuousClock.Instant,
        to now: ContinuousClock.Instant
    ) {
        let exchange = root.child("ssh.key_exchange", at: start)
        exchange.set(.clientVersion, .string(handshake.clientVersion))
        exchange.set(.keyExchange, .string(handshake.keyExchange))
        exchange.set(.cipher, .string(handshake.inboundCipher))
        exchange.end(at: now)
        let span = root.child("ssh.authentication", at: now)
        state.withLock { $0.authentication = span }
    }

    /// A span for one attempt to log in.
    func attempt(_ attempt: AuthenticationAttempt) -> Span {
        let parent = state.withLock { $0.authentication } ?? root
        let span = parent.child("ssh.authentication.attempt")
        span.set(.method, .string(attempt.method.name))
        span.set(user: attempt.username)
        return span
    }

    /// Somebody is logged in since `now`: the span of what has to be found out for them.
    func authenticated(as username: String, at now: ContinuousClock.Instant) -> Span {
        root.set(user: username)
        let configuration = root.child("ssh.configuration", at: now)
        let authentication = state.withLock { state in
            defer {
                state.authentication = nil
                state.configuration = configuration
                state.isAuthenticated = true
            }
            return state.authentication
        }
        authentication?.end(at: now)
        return configuration
    }

    func configured(at now: ContinuousClock.Instant) { endConfiguration { $0.end(at: now) } }

    func notConfigured(_ error: any Error) {
        root.fail(error)
        endConfiguration {
            $0.fail(error)
            $0.end()
        }
    }

    private func endConfiguration(_ end: (Span) -> Void) {
        let span = state.withLock { state in
            defer { state.configuration = nil }
            return state.configuration
        }
        if let span { end(span) }
    }

    /// The person has what they came for, or will not get it; counts once.
    package func over(_ end: End, at now: ContinuousClock.Instant = .now) {
        root.set(.loginEnd, .string(end.rawValue))
        root.end(at: now)
    }

    /// The connection is gone.
    func disconnected() {
        let (authentication, isAuthenticated) = state.withLock { state in
            defer { state.authentication = nil }
            return (state.authentication, state.isAuthenticated)
        }
        endConfiguration { $0.end() }
        if !isAuthenticated { root.fail(MessageCode.sshHandshakeFailed.id) }
        authentication?.fail(MessageCode.sshHandshakeFailed.id)
        authentication?.end()
        over(.disconnected)
    }
}

extension Span {
    /// Notes how an attempt went.
    func answered(_ verdict: AuthenticationVerdict) {
        let outcome =
            switch verdict {
            case .accepted: "accepted"
            case .refused: "refused"
            case .partial: "partial"
            case .challenge: "challenge"
            case .token: "token"
            case .disconnect: "disconnect"
            }
        set(.outcome, .string(outcome))
    }
}

extension AuthenticationAttempt.Method {
    /// As RFC 4252 and its companions call it, with what is particular about the attempt.
    fileprivate var name: String {
        switch self {
        case .none: "none"
        case .password: "password"
        case .passwordChange: "password change"
        case .publicKeyProbe: "publickey probe"
        case .publicKey, .unusableKey, .publicKeyBadSignature: "publickey"
        case .keyboardInteractive: "keyboard-interactive"
        case .keyboardInteractiveAnswers: "keyboard-interactive answers"
        case .gssapi, .gssapiToken, .gssapiProof: "gssapi-with-mic"
        // A client may call it anything.
        case .unsupported: "other"
        }
    }
}
