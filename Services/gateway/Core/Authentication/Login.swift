import AuthClient
import Logging
import MetricsClient
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization

/// Decides the attempts of one connection to log in, one after the other.
final class Login: Sendable {
    let state: ConnectionState
    let authenticators: Authenticators
    let metrics: GatewayMetrics
    let logger: Logger
    /// What has succeeded so far under the name that is being tried.
    let progress = Mutex(LoginProgress(username: ""))
    /// Reasons that the person has been told already; clients offer many keys.
    private let told = Mutex<Set<String>>([])
    /// The answer about the key that was looked up last.
    let lastKey = Mutex<KeyAnswer?>(nil)
    /// What the webhook wants to be told with the answers of the round, or the step of a Kerberos
    /// login, that is open.
    let openRound = Mutex<String?>(nil)

    var rules: LoginRules { authenticators.rules }

    init(
        state: ConnectionState,
        authenticators: Authenticators,
        metrics: GatewayMetrics,
        logger: Logger
    ) {
        self.state = state
        self.authenticators = authenticators
        self.metrics = metrics
        self.logger = logger
    }

    func decide(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        let username = attempt.username
        state.update { $0.username = username }
        // Whoever logs in under another name begins anew (RFC 4252 §5).
        progress.withLock { if $0.username != username { $0 = LoginProgress(username: username) } }
        let round = openRound.withLock { state in
            defer { state = nil }
            return state
        }
        switch attempt.method {
        case .none:
            return .refused(methods: methodNames)
        case .unsupported(let name):
            return refuse(.authNotSupported, username, nil, ["method": "\(name)"])
        case .password(let bytes):
            return await step(.password, username) { try await self.password(bytes, $0) }
        case .passwordChange:
            let text = personText(.sshAuthPasswordChange, nil)
            return refuse(.sshAuthPasswordChange, username, .password, text: text)
        case .unusableKey(let key, let reason):
            return refuse(.sshAuthKeyRejected, username, .publicKey, reason.labels(key))
        case .publicKeyBadSignature(let key):
            let labels: Logger.Metadata = ["fingerprint": "\(key.fingerprint)"]
            return refuse(.sshAuthBadSignature, username, .publicKey, labels)
        case .publicKeyProbe(let key):
            return await step(.publicKey, username) { try await self.publicKey(key, $0, false) }
        case .publicKey(let key):
            return await step(.publicKey, username) { try await self.publicKey(key, $0, true) }
        case .keyboardInteractive(let devices):
            return await step(.keyboardInteractive, username) {
                try await self.converse(.begin(devices: devices), $0)
            }
        case .keyboardInteractiveAnswers(let answers):
            return await step(.keyboardInteractive, username) {
                try await self.converse(.answers(answers, state: round ?? ""), $0)
            }
        case .gssapi:
            return await step(.gssapi, username) { _ in .token(nil) }
        case .gssapiToken(let token):
            return await step(.gssapi, username) {
                try await self.negotiate(.token(token, state: round ?? ""), $0)
            }
        case .gssapiProof(let proof):
            return await step(.gssapi, username) {
                let step = GSSAPIRequest.Step.proof(
                    signed: proof.signed,
                    mic: proof.mic,
                    state: round ?? ""
                )
                return try await self.negotiate(step, $0)
            }
        }
    }

    /// The methods that may be tried now, in the order in which clients should try them.
    var methodNames: [String] { methods.map(\.rawValue) }

    private var methods: [AuthMethod] {
        let available = authenticators.methods
        guard !rules.require.chains.isEmpty else { return available }
        return rules.require.next(after: progress.withLock(\.done)).filter(available.contains)
    }

    private func step(
        _ method: AuthMethod,
        _ username: String,
        _ decide: (String) async throws -> AuthenticationVerdict
    ) async -> AuthenticationVerdict {
        guard authenticators.methods.contains(method) else {
            return refuse(.sshAuthUnavailable, username, method)
        }
        guard methods.contains(method) else { return refuse(.sshAuthOutOfOrder, username, method) }
        do {
            return try await decide(username)
        } catch {
            return failed(error, method, username)
        }
    }

    // MARK: - Passwords

    private func password(
        _ bytes: [UInt8],
        _ username: String
    ) async throws -> AuthenticationVerdict {
        guard let authenticator = authenticators.password else {
            return refuse(.sshAuthUnavailable, username, .password)
        }
        let question = AuthRequest(head: head(username), question: .password(bytes))
        let answer = try await authenticator.decide(question, country: state.country.now)
        guard answer.success else {
            return refuse(.sshAuthFailed, username, .password, answer)
        }
        return try await take(LoginProgress.Proof(.password, answer), username)
    }

    /// A webhook's reason as the person reads it; `nil` if there is none or it was told before.
    func shown(_ reason: String, _ code: MessageCode = .sshAuthFailed) -> String? {
        let reason = reason.forPerson
        guard !reason.isEmpty, told.withLock({ $0.insert(reason).inserted }) else { return nil }
        return personText(code, reason)
    }

    /// What webhooks are told: with what earlier steps have said.
    func head(_ username: String) -> AuthRequestHead {
        var head = state.requestHead(username: username)
        head.carried.merge(progress.withLock(\.carried))
        return head
    }
}

extension LoginProgress.Proof {
    /// What a webhook's yes proves.
    init(_ method: AuthMethod, _ answer: AuthResponse) {
        self.init(
            method: method,
            identity: answer.authenticatedUsername ?? "",
            carried: answer.carried,
            limits: answer.restrictions.map(CredentialLimits.init),
            age: answer.age,
            requiresVerification: answer.restrictions?.verifyRequired == true
        )
    }
}

extension String {
    /// One line without control characters, of at most 1000 characters.
    fileprivate var forPerson: String {
        let scalars = unicodeScalars.lazy.filter {
            $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
        }
        return String(String(String.UnicodeScalarView(scalars)).prefix(1000))
    }
}

extension UnusableKeyReason {
    fileprivate func labels(_ key: OfferedKey) -> Logger.Metadata {
        let reason =
            switch self {
            case .algorithmNotAccepted: "algorithm not accepted"
            case .malformed: "malformed"
            case .wrongType: "key of another type than the algorithm"
            case .rsaSize(let bits): "RSA of \(bits) bits"
            }
        return [
            "fingerprint": "\(key.fingerprint)", "algorithm": "\(key.algorithm.prefix(64))",
            "reason": "\(reason)",
        ]
    }
}
