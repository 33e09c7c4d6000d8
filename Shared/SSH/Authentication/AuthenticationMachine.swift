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

    private enum State {
        case awaitingService
        case idle
        case asking(AuthenticationAttempt)
        case succeeded
        case ended
    }

    private let sessionID: [UInt8]
    private let settings: AuthenticationSettings
    private var state = State.awaitingService
    private var pending = Deque<ByteBuffer>()
    private var methods: [String]
    /// Not sent yet: authentication has not begun (RFC 4252 §5.4).
    private var banners: [String]
    private var failures = 0
    private var requests = 0

    package init(sessionID: [UInt8], settings: AuthenticationSettings) {
        self.sessionID = sessionID
        self.settings = settings
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
        case (.idle, .userAuthRequest):
            return handle(message)
        case (.asking, .userAuthRequest):
            guard pending.count < settings.maximumPending else {
                return end(.protocolError, "Too many authentication requests at a time.")
            }
            pending.append(message)
            return []
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
        case .idle, .asking:
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
        while case .idle = state, let next = pending.popFirst() {
            actions += handle(next)
        }
        return actions
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
        guard request.service == "ssh-connection" else {
            return end(.serviceNotAvailable, "Only ssh-connection is available.")
        }
        guard let method = question(request.method) else {
            return takeBanners() + fail()
        }
        let attempt = AuthenticationAttempt(username: request.username, method: method)
        state = .asking(attempt)
        return takeBanners() + [.ask(attempt)]
    }

    /// What to ask the handler; `nil` when the answer is no whatever it would say.
    private func question(
        _ method: AuthenticationRequest.Method
    ) -> AuthenticationAttempt.Method? {
        switch method {
        case .none: return AuthenticationAttempt.Method.none
        case .password(let password): return .password(password)
        case .passwordChange, .unusableKey: return nil
        case .publicKeyProbe(let key):
            return usableKey(key) == nil ? nil : .publicKeyProbe(key)
        case .publicKey(let key, let signature, let signed):
            guard let (publicKey, algorithm) = usableKey(key) else { return nil }
            var data = ByteBuffer()
            data.writeSSHString(sessionID)
            data.writeImmutableBuffer(signed)
            let isValid = publicKey.verifies(
                signature,
                over: [UInt8](data.readableBytesView),
                algorithm: algorithm
            )
            return isValid ? .publicKey(key) : .publicKeyBadSignature(key)
        case .other(let name): return .unsupported(name)
        }
    }

    private func usableKey(_ key: OfferedKey) -> (SSHPublicKey, SSHSignatureAlgorithm)? {
        guard settings.userKeyAlgorithms.contains(key.algorithm),
            let algorithm = SSHSignatureAlgorithm(rawValue: key.algorithm),
            // A key that does not parse is refused like one that nobody knows.
            let publicKey = try? SSHPublicKey(blob: key.blob),
            publicKey.type == algorithm.keyType
        else { return nil }
        return (publicKey, algorithm)
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
        case .refused(let methods):
            self.methods = methods
            return fail(isFree: attempt.method == .none && requests == 1)
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
        case .publicKeyBadSignature, .unsupported:
            return fail()
        case .none, .password, .publicKey:
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
        case .publicKeyBadSignature, .unsupported:
            return fail()
        case .none, .password, .publicKey:
            self.methods = methods
            return [.send(Self.failure(methods, partialSuccess: true))]
        }
    }

    private mutating func fail(isFree: Bool = false) -> [Action] {
        if !isFree { failures += 1 }
        guard failures < settings.maximumFailures else { return endForFailures() }
        return [.send(Self.failure(methods, partialSuccess: false))]
    }

    private mutating func endForFailures() -> [Action] {
        end(.protocolError, "Too many authentication failures")
    }

    private mutating func end(_ reason: DisconnectReason, _ text: String) -> [Action] {
        state = .ended
        pending.removeAll()
        return [.disconnect(ServerRefusal(reason: reason, text: text))]
    }

    private mutating func takeBanners() -> [Action] {
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
