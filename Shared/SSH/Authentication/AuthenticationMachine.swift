import DequeModule
package import NIOCore

/// The server's side of user authentication (RFC 4252): the service request, one attempt after the
/// other, the limit of failures.
///
/// While an attempt is being decided the next ones wait, so that answers keep the order of the
/// requests (RFC 4252 §5.1).
package struct AuthenticationMachine {
    /// What the shell does next; in the order of the list.
    package enum Action: Sendable, Hashable {
        case send(ByteBuffer)
        /// Ask the handler, then call `answered(_:)`.
        case ask(AuthenticationAttempt)
        /// The client has been told; the connection protocol begins.
        case succeeded(username: String)
        case disconnect(ServerRefusal)
    }

    enum State {
        case awaitingService
        case idle
        case asking(AuthenticationAttempt)
        /// The client has been asked (RFC 4256 §3.2).
        case challenged(username: String, KeyboardChallenge)
        /// A GSSAPI context is being established (RFC 4462 §3.4).
        case negotiating(username: String)
        case succeeded
        case ended
    }

    let sessionID: [UInt8]
    let settings: AuthenticationSettings
    private let keys: UserKeyCheck
    var state = State.awaitingService
    var pending = Deque<ByteBuffer>()
    private var methods: [String]
    /// Not sent yet: authentication has not begun (RFC 4252 §5.4).
    private var banners: [String]
    private var failures = 0
    var requests = 0

    package init(sessionID: [UInt8], settings: AuthenticationSettings) {
        self.sessionID = sessionID
        self.settings = settings
        keys = UserKeyCheck(settings: settings)
        methods = settings.methods
        banners = settings.banner.isEmpty ? [] : [settings.banner]
    }

    /// Whether the client is authenticated.
    package var isDone: Bool {
        if case .succeeded = state { true } else { false }
    }

    /// Handles SERVICE_REQUEST or a message with a number from 50 to 79.
    package mutating func received(_ message: ByteBuffer) -> [Action] {
        let number = message.getInteger(at: message.readerIndex, as: UInt8.self)
            .flatMap { MessageNumber(rawValue: $0) }
        switch (state, number) {
        case (.ended, _), (.succeeded, .userAuthRequest):
            // After success further requests are ignored without a word (RFC 4252 §5.1).
            return []
        case (.awaitingService, .serviceRequest):
            return receivedServiceRequest(message)
        case (.idle, .serviceRequest):
            // paramiko asks anew before each attempt, and OpenSSH's server grants it.
            requests += 1
            guard requests <= settings.maximumRequests else { return endForFailures() }
            return receivedServiceRequest(message)
        case (.idle, .userAuthRequest):
            return handle(message)
        case (.asking, .userAuthRequest):
            guard pending.count < settings.maximumPending else {
                return end(.protocolError, "Too many authentication requests at a time.")
            }
            pending.append(message)
            return []
        case (.asking(let attempt), .some(let number))
        where attempt.isOfGSSAPI && number.isOfGSSAPI:
            // A client that needs no answer to its last token proves itself at once.
            guard pending.count < settings.maximumPending else {
                return end(.protocolError, "Too many messages of GSSAPI at a time.")
            }
            pending.append(message)
            return []
        case (.challenged, .userAuthRequest), (.negotiating, .userAuthRequest):
            return abandon() + (isEnded ? [] : handle(message))
        case (.challenged(let username, let challenge), .userAuthMethod61):
            return receivedAnswers(message, to: challenge, username)
        case (.negotiating(let username), .some(let number)) where number.isOfGSSAPI:
            return receivedGSSAPI(message, number, username)
        default:
            return end(.protocolError, "Unexpected message during authentication.")
        }
    }

    /// Shows a line to the person before authentication has finished; afterwards nothing happens.
    ///
    /// It waits until the client has begun to authenticate. At most `maximumPending` lines wait.
    package mutating func show(_ text: String) -> [Action] {
        switch state {
        case .awaitingService:
            guard banners.count < settings.maximumPending else { return [] }
            banners.append(text + "\r\n")
            return []
        case .idle, .asking, .challenged, .negotiating:
            banners.append(text + "\r\n")
            return takeBanners()
        case .succeeded, .ended:
            return []
        }
    }

    /// Handles the handler's verdict on the attempt it was asked about.
    package mutating func answered(_ verdict: AuthenticationVerdict) -> [Action] {
        guard case .asking(let attempt) = state else { return [] }
        state = .idle
        var actions = answer(attempt, verdict)
        while takesMore, let next = pending.popFirst() { actions += resume(next) }
        return actions
    }

    /// Whether what waits can be handled.
    private var takesMore: Bool {
        switch state {
        case .idle, .negotiating: true
        case .awaitingService, .asking, .challenged, .succeeded, .ended: false
        }
    }

    private mutating func resume(_ message: ByteBuffer) -> [Action] {
        // The rest of an exchange that has failed meanwhile is nobody's.
        if case .idle = state, !message.isAuthenticationRequest { return [] }
        return received(message)
    }

    private var isEnded: Bool {
        if case .ended = state { true } else { false }
    }
}

// MARK: - Requests

extension AuthenticationMachine {
    private mutating func receivedServiceRequest(_ message: ByteBuffer) -> [Action] {
        var payload = message
        payload.moveReaderIndex(forwardBy: 1)
        // A name that does not parse is a service nobody has.
        guard let service = try? payload.readSSHText(limit: 256), service == "ssh-userauth" else {
            return end(.serviceNotAvailable, "Only ssh-userauth is available.")
        }
        state = .idle
        var reply = ByteBuffer()
        reply.writeSSHMessage(.serviceAccept)
        reply.writeSSHString(service)
        return [.send(reply)]
    }

    private mutating func handle(_ message: ByteBuffer) -> [Action] {
        let request: AuthenticationRequest
        do {
            request = try AuthenticationRequest(reading: message)
        } catch {
            return end(.protocolError, "Malformed authentication request.")
        }
        requests += 1
        guard requests <= settings.maximumRequests else { return endForFailures() }
        guard !request.username.isEmpty else {
            return end(.illegalUserName, "This user name is not allowed.")
        }
        guard request.service == "ssh-connection" else {
            return end(.serviceNotAvailable, "Only ssh-connection is available.")
        }
        let attempt = AuthenticationAttempt(
            username: request.username,
            method: question(request.method)
        )
        state = .asking(attempt)
        return takeBanners() + [.ask(attempt)]
    }

    private func question(_ method: AuthenticationRequest.Method) -> AuthenticationAttempt.Method {
        switch method {
        case .none: .none
        case .password(let password): .password(password)
        case .passwordChange: .passwordChange
        case .publicKeyProbe(let algorithm, let blob):
            switch keys.check(algorithm: algorithm, blob: blob) {
            case .usable(let key, _, _): .publicKeyProbe(key)
            case .unusable(let key, let reason): .unusableKey(key, reason)
            }
        case .publicKey(let algorithm, let blob, let signature, let signed):
            switch keys.check(algorithm: algorithm, blob: blob) {
            case .usable(let key, let verifier, let algorithm):
                proof(
                    of: key,
                    verifier.verify(signature, over: covered(signed), algorithm: algorithm)
                )
            case .unusable(let key, let reason): .unusableKey(key, reason)
            }
        case .keyboardInteractive(let devices): .keyboardInteractive(devices: devices)
        case .gssapi(offersKerberos: true): .gssapi
        case .gssapi: .unsupported(GSSAPIMessages.method)
        case .other(let name): .unsupported(name)
        }
    }

    /// What a client signs (RFC 4252 §7).
    private func covered(_ signed: ByteBuffer) -> [UInt8] {
        var data = ByteBuffer()
        data.writeSSHString(sessionID)
        data.writeImmutableBuffer(signed)
        return [UInt8](data.readableBytesView)
    }

    private func proof(
        of key: OfferedKey,
        _ signature: VerifiedSignature?
    ) -> AuthenticationAttempt.Method {
        guard let signature else { return .publicKeyBadSignature(key) }
        var key = key
        key.securityKey = signature.securityKey
        return .publicKey(key)
    }
}

// MARK: - Keyboard-interactive

extension AuthenticationMachine {
    private mutating func receivedAnswers(
        _ message: ByteBuffer,
        to challenge: KeyboardChallenge,
        _ username: String
    ) -> [Action] {
        requests += 1
        guard requests <= settings.maximumRequests else { return endForFailures() }
        state = .idle
        do {
            guard let answers = try challenge.answers(in: message) else { return fail() }
            let attempt = AuthenticationAttempt(
                username: username,
                method: .keyboardInteractiveAnswers(answers)
            )
            state = .asking(attempt)
            return [.ask(attempt)]
        } catch {
            return end(.protocolError, "Malformed answers to the questions.")
        }
    }

    /// The client begins another attempt instead of going on: the one before gets no answer, but
    /// it counts (RFC 4256 §3.1, RFC 4462 §3.8).
    mutating func abandon() -> [Action] {
        state = .idle
        failures += 1
        return failures < settings.maximumFailures ? [] : endForFailures()
    }

    private mutating func ask(
        _ challenge: KeyboardChallenge,
        after attempt: AuthenticationAttempt
    ) -> [Action] {
        switch attempt.method {
        case .keyboardInteractive, .keyboardInteractiveAnswers: break
        case .none, .password, .passwordChange, .publicKeyProbe, .publicKey,
            .publicKeyBadSignature, .unusableKey, .unsupported, .gssapi, .gssapiToken,
            .gssapiProof:
            return fail()
        }
        // A client that has begun another attempt meanwhile is not asked any more.
        guard pending.isEmpty else { return abandon() }
        state = .challenged(username: attempt.username, challenge)
        return takeBanners() + [.send(challenge.message)]
    }
}

// MARK: - Answers

extension AuthenticationMachine {
    private mutating func answer(
        _ attempt: AuthenticationAttempt,
        _ verdict: AuthenticationVerdict
    ) -> [Action] {
        switch verdict {
        case .disconnect(let refusal):
            return end(refusal.reason, refusal.text)
        case .refused(let methods, let text, _):
            self.methods = methods
            if let text { banners.append(text + "\r\n") }
            return fail(isFree: attempt.method == .none && requests == 1)
        case .challenge(let challenge):
            return ask(challenge, after: attempt)
        case .token(let token):
            return negotiate(token, after: attempt)
        case .accepted:
            return accept(attempt)
        case .partial(let methods):
            return acceptPartly(attempt, methods)
        }
    }

    private mutating func accept(_ attempt: AuthenticationAttempt) -> [Action] {
        switch attempt.method {
        case .publicKeyProbe(let key):
            return [.send(Self.keyAccepted(key))]
        case .publicKeyBadSignature, .unusableKey, .passwordChange, .unsupported, .gssapi,
            .gssapiToken:
            return fail()
        case .none, .password, .publicKey, .keyboardInteractive, .keyboardInteractiveAnswers,
            .gssapiProof:
            state = .succeeded
            pending.removeAll()
            var reply = ByteBuffer()
            reply.writeSSHMessage(.userAuthSuccess)
            return [.send(reply), .succeeded(username: attempt.username)]
        }
    }

    private mutating func acceptPartly(
        _ attempt: AuthenticationAttempt,
        _ methods: [String]
    ) -> [Action] {
        switch attempt.method {
        case .publicKeyProbe(let key):
            return [.send(Self.keyAccepted(key))]
        case .publicKeyBadSignature, .unusableKey, .passwordChange, .unsupported, .gssapi,
            .gssapiToken:
            return fail()
        case .none, .password, .publicKey, .keyboardInteractive, .keyboardInteractiveAnswers,
            .gssapiProof:
            self.methods = methods
            return [.send(Self.failure(methods, partialSuccess: true))]
        }
    }

    mutating func fail(isFree: Bool = false) -> [Action] {
        if !isFree { failures += 1 }
        guard failures < settings.maximumFailures else { return endForFailures() }
        guard !methods.isEmpty else {
            return takeBanners()
                + end(.noMoreAuthenticationMethods, "No way of logging in is left.")
        }
        return takeBanners() + [.send(Self.failure(methods, partialSuccess: false))]
    }

    mutating func endForFailures() -> [Action] {
        takeBanners() + end(.noMoreAuthenticationMethods, "Too many authentication failures")
    }

    mutating func end(_ reason: DisconnectReason, _ text: String) -> [Action] {
        state = .ended
        pending.removeAll()
        return [.disconnect(ServerRefusal(reason: reason, text: text))]
    }

    mutating func takeBanners() -> [Action] {
        guard !banners.isEmpty else { return [] }
        defer { banners = [] }
        return banners.map { text in
            var message = ByteBuffer()
            message.writeSSHMessage(.userAuthBanner)
            message.writeSSHString(text)
            message.writeSSHString("")
            return .send(message)
        }
    }

    private static func failure(_ methods: [String], partialSuccess: Bool) -> ByteBuffer {
        var reply = ByteBuffer()
        reply.writeSSHMessage(.userAuthFailure)
        reply.writeSSHNameList(methods)
        reply.writeSSHBoolean(partialSuccess)
        return reply
    }

    private static func keyAccepted(_ key: OfferedKey) -> ByteBuffer {
        var reply = ByteBuffer()
        reply.writeSSHMessage(.userAuthMethod60)
        reply.writeSSHString(key.algorithm)
        reply.writeSSHString(key.blob)
        return reply
    }
}
