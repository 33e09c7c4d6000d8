import Clibssh
import Glibc
import SharedConfig
import SharedMessages

/// How the gateway can prove itself to the target.
enum LoginMethod: CaseIterable {
    case publicKey
    case password
    case questions

    var flag: Int32 {
        switch self {
        case .publicKey: Int32(bitPattern: SSH_AUTH_METHOD_PUBLICKEY)
        case .password: Int32(bitPattern: SSH_AUTH_METHOD_PASSWORD)
        case .questions: Int32(bitPattern: SSH_AUTH_METHOD_INTERACTIVE)
        }
    }
}

/// What a step of libssh's authentication has come to.
enum AuthenticationStep {
    static let success = SSH_AUTH_SUCCESS.rawValue
    static let denied = SSH_AUTH_DENIED.rawValue
    static let partial = SSH_AUTH_PARTIAL.rawValue
    static let questions = SSH_AUTH_INFO.rawValue
    /// To be repeated.
    static let again = SSH_AUTH_AGAIN.rawValue
}

/// Logs in at the target: with nothing, then with the key, the agent's keys, the password, and
/// the password as the answer to questions, as far as they are configured and the target takes
/// them. Several may be needed in a row.
struct Login {
    private enum Proof: String, CaseIterable {
        case key, agent, password, questions

        var method: LoginMethod {
            switch self {
            case .key, .agent: .publicKey
            case .password: .password
            case .questions: .questions
            }
        }
    }

    let transport: Transport
    let target: SSHProxyTarget
    let end: ContinuousClock.Instant
    let isStopping: () -> Bool
    /// Told of the agent's socket before it is used, and `nil` afterwards.
    let usesAgent: (Int32?) -> Void

    /// - Throws: `CodedError` that says what was tried, `TransportTimeout`, `CancellationError`.
    func run() throws {
        var result = try complete { transport.tryNone() }
        var untried = proofs
        var tried: [String] = []
        while result != AuthenticationStep.success {
            let methods = transport.methods
            guard transport.isConnected,
                let index = untried.firstIndex(where: { methods.contains($0.method) })
            else { throw refusal(tried) }
            let proof = untried.remove(at: index)
            tried.append(proof.rawValue)
            result = try attempt(proof)
        }
    }

    private var proofs: [Proof] {
        let config = target.config
        return Proof.allCases.filter { proof in
            switch proof {
            case .key: !target.privateKey.isEmpty
            case .agent: !config.agentSocket.isEmpty
            case .password, .questions: !config.password.isEmpty
            }
        }
    }

    private func attempt(_ proof: Proof) throws -> Int32 {
        let password = target.config.password.reveal()
        switch proof {
        case .key:
            let key = try PrivateKey(
                target.privateKey,
                passphrase: target.config.passphrase.reveal()
            )
            return try complete { transport.tryKey(key) }
        case .agent: return try attemptAgent()
        case .password: return try complete { transport.tryPassword(password) }
        case .questions: return try complete { transport.tryQuestions(password) }
        }
    }

    private func attemptAgent() throws -> Int32 {
        let socket = unsafe berth_dial_unix(target.config.agentSocket)
        guard socket >= 0 else {
            throw CodedError(
                .sshproxyBackendHandshakeFailed,
                detail: "sshproxy.agentSocket cannot be connected to: errno \(errno)"
            )
        }
        transport.setAgent(socket)
        usesAgent(socket)
        defer { usesAgent(nil) }
        return try complete { transport.tryAgent() }
    }

    private func complete(_ step: () -> Int32) throws -> Int32 {
        try transport.complete(within: end, unless: isStopping) {
            let result = step()
            return result == AuthenticationStep.again ? SSH_AGAIN : result
        }
    }

    private func refusal(_ tried: [String]) -> CodedError {
        let what =
            tried.isEmpty ? "nothing configured that it takes" : tried.joined(separator: ", ")
        let said = transport.farewell.map { "; it said: \($0.text)" } ?? ""
        return CodedError(
            .sshproxyBackendHandshakeFailed,
            detail: "login refused; tried: \(what)\(said) (\(transport.errorText))",
            personText: "The target server refused the login of this gateway."
        )
    }
}
