package import NIOCore

/// What the key exchange agreed on, and with whom.
package struct HandshakeFacts: Sendable, Hashable {
    /// The client's identification line without CR LF.
    package var clientVersion: String
    package var keyExchange: String
    package var hostKeyAlgorithm: String
    /// Client to server.
    package var inboundCipher: String
    /// Server to client.
    package var outboundCipher: String
    /// `nil` where the cipher authenticates by itself.
    package var inboundMAC: String?
    package var outboundMAC: String?
    /// Whether both sides keep to strict key exchange (OpenSSH's PROTOCOL §1.10).
    package var isStrict: Bool

    package init(
        clientVersion: String,
        keyExchange: String,
        hostKeyAlgorithm: String,
        inboundCipher: String,
        outboundCipher: String,
        inboundMAC: String? = nil,
        outboundMAC: String? = nil,
        isStrict: Bool = false
    ) {
        self.clientVersion = clientVersion
        self.keyExchange = keyExchange
        self.hostKeyAlgorithm = hostKeyAlgorithm
        self.inboundCipher = inboundCipher
        self.outboundCipher = outboundCipher
        self.inboundMAC = inboundMAC
        self.outboundMAC = outboundMAC
        self.isStrict = isStrict
    }
}

/// One USERAUTH_REQUEST (RFC 4252 §5).
package struct AuthenticationAttempt: Sendable, Hashable {
    package var username: String
    package var method: Method

    package enum Method: Sendable, Hashable {
        case none
        /// The raw bytes; RFC 4252 §8 wants UTF-8, nobody checks.
        case password([UInt8])
        /// The client asks whether this key would do; nothing is proven yet.
        case publicKeyProbe(OfferedKey)
        /// The signature has been verified by the engine.
        case publicKey(OfferedKey)
        /// The key cannot be used whoever it belongs to. The verdict is always a refusal; asked so
        /// that it is counted and recorded.
        case unusableKey(OfferedKey, UnusableKeyReason)
        /// The key was acceptable at the probe but the signature does not verify. The verdict is
        /// always a refusal; asked so that it is counted and recorded.
        case publicKeyBadSignature(OfferedKey)
        /// Asks to be questioned (RFC 4256 §3.1); `devices` is the client's hint, comma-separated,
        /// mostly empty.
        case keyboardInteractive(devices: String)
        /// The answers to the challenge that the attempt before this one got, one for each prompt;
        /// raw bytes, since RFC 4256 §3.4 wants UTF-8 and nobody checks.
        case keyboardInteractiveAnswers([[UInt8]])
        /// Asks to prove a Kerberos principal (RFC 4462 §3.2). The answer `.token(nil)` goes on.
        case gssapi
        /// A piece of the context's establishment (RFC 4462 §3.4); 1 to 65,536 bytes.
        case gssapiToken([UInt8])
        /// The context is there: what the client has signed with it, and its MIC over that
        /// (RFC 4462 §3.5).
        case gssapiProof(GSSAPIProof)
        /// A new password beside the old one (RFC 4252 §8), which nobody asked for. The verdict is
        /// always a refusal.
        case passwordChange
        /// A method nobody implements, by its name.
        case unsupported(String)
    }

    package init(username: String, method: Method) {
        self.username = username
        self.method = method
    }
}

/// A public key as the client offered it.
package struct OfferedKey: Sendable, Hashable {
    /// The signature algorithm, for example `rsa-sha2-512` (RFC 8332 §3).
    package var algorithm: String
    /// The key's own type, the first string of the blob, for example `ssh-rsa`.
    package var type: String
    /// The key, or the certificate, in wire form (RFC 4253 §6.6).
    package var blob: [UInt8]
    /// Set where the blob is a certificate. The engine has checked its form and, with
    /// `.publicKey`, that the client holds the certified key; its trust it leaves to the handler.
    package var certificate: OpenSSHCertificate?
    /// How the authenticator was used; set with `.publicKey` and the `sk-` types.
    package var securityKey: SecurityKeyUse?

    package init(
        algorithm: String,
        type: String,
        blob: [UInt8],
        certificate: OpenSSHCertificate? = nil,
        securityKey: SecurityKeyUse? = nil
    ) {
        self.algorithm = algorithm
        self.type = type
        self.blob = blob
        self.certificate = certificate
        self.securityKey = securityKey
    }

    /// `SHA256:…` of the key; of a certificate, that of the certified key.
    package var fingerprint: String {
        certificate?.fingerprint ?? SSHPublicKey.fingerprint(of: blob)
    }
}

/// Why an offered key cannot be used.
package enum UnusableKeyReason: Sendable, Hashable {
    /// The server does not accept this signature algorithm.
    case algorithmNotAccepted
    /// The blob is no key, or one of a type that nobody here knows.
    case malformed
    /// The key is of another type than the algorithm asks for.
    case wrongType
    /// RSA of so many bits.
    case rsaSize(Int)
}

/// The answer to an authentication attempt.
package enum AuthenticationVerdict: Sendable, Hashable {
    /// The attempt is enough. For a probe: the key would be accepted (PK_OK).
    case accepted
    /// Refused; `methods` go into USERAUTH_FAILURE as the ones that can continue. Without any the
    /// connection ends. `text` is shown to the person before (RFC 4252 §5.4). That nobody has the
    /// name is for layers between, who may hold it against the source; clients do not learn it.
    case refused(methods: [String], text: String? = nil, isUnknownUser: Bool = false)
    /// This attempt counts, but `methods` must follow (partial success, RFC 4252 §5.1).
    case partial(methods: [String])
    /// Questions for the person; the answers come as `.keyboardInteractiveAnswers`. Only in answer
    /// to the two keyboard-interactive attempts, to others it is a refusal.
    case challenge(KeyboardChallenge)
    /// The context's establishment goes on, with these bytes for the client where there are some.
    /// Only in answer to the first two attempts of GSSAPI, to others it is a refusal.
    case token([UInt8]?)
    /// The connection ends now with this reason and text.
    case disconnect(ServerRefusal)
}

/// What binds a GSSAPI context to a login (RFC 4462 §3.5).
package struct GSSAPIProof: Sendable, Hashable {
    /// What gss_verify_mic(3) is asked about: session, user name, service and method.
    package var signed: [UInt8]
    package var mic: [UInt8]

    package init(signed: [UInt8], mic: [UInt8]) {
        self.signed = signed
        self.mic = mic
    }
}

/// One round of questions (RFC 4256 §3.2).
package struct KeyboardChallenge: Sendable, Hashable {
    /// Heads the questions; may be empty.
    package var name: String
    /// May have several lines, and be empty.
    package var instruction: String
    /// Without any the client shows the texts and answers at once.
    package var prompts: [Prompt]

    package struct Prompt: Sendable, Hashable {
        /// Not empty (RFC 4256 §3.2).
        package var text: String
        /// Whether what is typed may be seen.
        package var echo: Bool

        package init(_ text: String, echo: Bool) {
            self.text = text
            self.echo = echo
        }
    }

    package init(name: String = "", instruction: String = "", prompts: [Prompt] = []) {
        self.name = name
        self.instruction = instruction
        self.prompts = prompts
    }
}

/// Why a server ends a connection, in words the person may read.
package struct ServerRefusal: Error, Sendable, Hashable {
    package var reason: DisconnectReason
    package var text: String

    package init(reason: DisconnectReason, text: String) {
        self.reason = reason
        self.text = text
    }
}

/// Whether a channel is opened.
package enum ChannelDecision<Handler: Sendable>: Sendable {
    case accepted(Handler)
    /// Sent as OPEN_FAILURE with this text (RFC 4254 §5.1).
    case refused(ChannelOpenFailureReason, text: String)
}

/// RFC 4254 §5.1.
package enum ChannelOpenFailureReason: UInt32, Sendable {
    case administrativelyProhibited = 1
    case connectFailed = 2
    case unknownChannelType = 3
    case resourceShortage = 4
}

/// A channel request on a session (RFC 4254 §6; `break` RFC 4335).
package enum SessionRequest: Sendable, Hashable {
    /// The name is UTF-8, the value any bytes.
    case environment(name: String, value: RawText)
    case pty(PTYRequest)
    case shell
    case exec(command: RawText)
    case subsystem(name: RawText)
    case windowChange(WindowSize)
    /// Name without `SIG` (RFC 4254 §6.9).
    case signal(name: String)
    case x11(X11Request)
    /// `auth-agent-req@openssh.com` (OpenSSH's PROTOCOL.agent).
    case agentForwarding
    /// RFC 4335; how long the line is to be broken.
    case breakSignal(milliseconds: UInt32)
    /// `eow@openssh.com`: the client reads no more output.
    case endOfWrite
    /// Known to nobody; always answered with failure.
    case unsupported(type: String, payload: ByteBuffer)
    /// Its payload did not parse; always answered with failure.
    case malformed(type: String, payload: ByteBuffer)
}

/// A terminal's size; 0 means unknown (RFC 4254 §6.2).
package struct WindowSize: Sendable, Hashable {
    package var columns: UInt32
    package var rows: UInt32
    package var pixelWidth: UInt32
    package var pixelHeight: UInt32

    package init(columns: UInt32, rows: UInt32, pixelWidth: UInt32 = 0, pixelHeight: UInt32 = 0) {
        self.columns = columns
        self.rows = rows
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
    }
}

/// A `pty-req` (RFC 4254 §6.2).
package struct PTYRequest: Sendable, Hashable {
    package var term: String
    package var size: WindowSize
    /// The encoded terminal modes as sent (RFC 4254 §8): pairs of opcode and uint32.
    package var modes: [UInt8]

    package init(term: String, size: WindowSize, modes: [UInt8] = []) {
        self.term = term
        self.size = size
        self.modes = modes
    }
}

/// A global request (RFC 4254 §4) that the engine does not answer itself.
package struct GlobalRequest: Sendable, Hashable {
    package var type: String
    package var payload: ByteBuffer
    package var wantsReply: Bool

    package init(type: String, payload: ByteBuffer, wantsReply: Bool) {
        self.type = type
        self.payload = payload
        self.wantsReply = wantsReply
    }
}

/// The answer to a global request.
package enum GlobalReply: Sendable, Hashable {
    case success(ByteBuffer)
    case failure
}

/// How a connection ended.
package enum ConnectionEnd: Sendable, Hashable {
    /// The client sent DISCONNECT or closed the socket.
    case byClient(DisconnectReason?, text: String)
    /// We sent DISCONNECT or closed for `text`.
    case byServer(DisconnectReason, text: String)
    /// The network failed, for example with a reset.
    case lost(text: String)
    /// The client left too many keepalives unanswered.
    case silent
    /// The client did not authenticate in time; it was told so.
    case graceExceeded
}

/// RFC 4253 §11.1; unknown numbers are kept.
package struct DisconnectReason: RawRepresentable, Sendable, Hashable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let hostNotAllowedToConnect = Self(rawValue: 1)
    package static let protocolError = Self(rawValue: 2)
    package static let keyExchangeFailed = Self(rawValue: 3)
    package static let reserved = Self(rawValue: 4)
    package static let macError = Self(rawValue: 5)
    package static let compressionError = Self(rawValue: 6)
    package static let serviceNotAvailable = Self(rawValue: 7)
    package static let protocolVersionNotSupported = Self(rawValue: 8)
    package static let hostKeyNotVerifiable = Self(rawValue: 9)
    package static let connectionLost = Self(rawValue: 10)
    package static let byApplication = Self(rawValue: 11)
    package static let tooManyConnections = Self(rawValue: 12)
    package static let authenticationCancelled = Self(rawValue: 13)
    package static let noMoreAuthenticationMethods = Self(rawValue: 14)
    package static let illegalUserName = Self(rawValue: 15)
}
