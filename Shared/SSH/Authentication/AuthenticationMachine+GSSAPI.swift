import NIOCore

/// The exchange of gssapi-with-mic (RFC 4462 §3).
extension AuthenticationMachine {
    mutating func receivedGSSAPI(
        _ message: ByteBuffer,
        _ number: MessageNumber,
        _ username: String
    ) -> [Action] {
        requests += 1
        guard requests <= settings.maximumRequests else { return endForFailures() }
        state = .idle
        // The client's library failed, or made a context without integrity, which proves nothing
        // about this connection (§3.5, §3.9).
        guard number == .userAuthMethod61 || number == .userAuthMethod66 else { return fail() }
        let bytes: [UInt8]
        do {
            bytes = try GSSAPIMessages.bytes(in: message)
        } catch {
            return end(.protocolError, "Malformed GSSAPI message.")
        }
        guard number == .userAuthMethod66 else { return ask(.gssapiToken(bytes), username) }
        let signed = GSSAPIMessages.signed(sessionID: sessionID, username: username)
        return ask(.gssapiProof(GSSAPIProof(signed: signed, mic: bytes)), username)
    }

    /// Goes on with the exchange where the attempt was a part of it.
    mutating func negotiate(_ token: [UInt8]?, after attempt: AuthenticationAttempt) -> [Action] {
        switch attempt.method {
        case .gssapi, .gssapiToken: break
        case .none, .password, .passwordChange, .publicKeyProbe, .publicKey,
            .publicKeyBadSignature, .unusableKey, .unsupported, .keyboardInteractive,
            .keyboardInteractiveAnswers, .gssapiProof:
            return fail()
        }
        // A client that has begun another attempt meanwhile does not go on with this one.
        if pending.first?.isAuthenticationRequest == true { return abandon() }
        state = .negotiating(username: attempt.username)
        let reply =
            attempt.method == .gssapi ? GSSAPIMessages.response : token.map(GSSAPIMessages.token)
        return takeBanners() + (reply.map { [.send($0)] } ?? [])
    }

    private mutating func ask(
        _ method: AuthenticationAttempt.Method,
        _ username: String
    ) -> [Action] {
        let attempt = AuthenticationAttempt(username: username, method: method)
        state = .asking(attempt)
        return [.ask(attempt)]
    }
}

extension MessageNumber {
    /// Whether a client sends it in the exchange: a token, the end without a MIC, an error's token,
    /// or the MIC (RFC 4462 §3.4, §3.5, §3.9).
    var isOfGSSAPI: Bool {
        switch self {
        case .userAuthMethod61, .userAuthMethod63, .userAuthMethod65, .userAuthMethod66: true
        default: false
        }
    }
}

extension AuthenticationAttempt {
    /// Whether the exchange may go on after it.
    var isOfGSSAPI: Bool {
        if case .gssapiToken = method { return true }
        return method == .gssapi
    }
}

extension ByteBuffer {
    var isAuthenticationRequest: Bool {
        getInteger(at: readerIndex, as: UInt8.self) == MessageNumber.userAuthRequest.rawValue
    }
}
