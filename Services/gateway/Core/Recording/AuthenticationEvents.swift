import SharedAudit
import SharedMessages
import SharedSSH

/// The recording's words for one authentication attempt: one message before the decision, one
/// after it.
struct AuthenticationEvents {
    private let attempt: AuthenticationAttempt
    private let recordsPasswords: Bool
    /// The round that the attempt answers.
    private let challenge: KeyboardChallenge?

    init(
        _ attempt: AuthenticationAttempt,
        recordsPasswords: Bool,
        challenge: KeyboardChallenge? = nil
    ) {
        self.attempt = attempt
        self.recordsPasswords = recordsPasswords
        self.challenge = challenge
    }

    /// `nil` for methods that carry nothing to record.
    var attempted: AuditEvent? {
        let name = attempt.username
        return switch attempt.method {
        case .none, .unsupported, .keyboardInteractive, .gssapiToken, .gssapiProof: nil
        case .gssapi: .kerberos(username: name, .attempt, reason: "")
        // The passwords of such a request are not even looked at.
        case .passwordChange: .passwordAttempt(username: name, password: nil)
        case .keyboardInteractiveAnswers(let answers):
            .challengeAnswer(username: name, answers: shown(answers))
        case .password(let bytes): .passwordAttempt(username: name, password: shown(bytes))
        case .publicKeyProbe(let key), .publicKey(let key), .publicKeyBadSignature(let key),
            .unusableKey(let key, _):
            .publicKeyAttempt(username: name, key: line(key))
        }
    }

    func outcome(_ verdict: AuthenticationVerdict) -> AuditEvent? {
        switch attempt.method {
        case .none, .unsupported: nil
        case .gssapi, .gssapiToken, .gssapiProof: kerberos(verdict)
        case .passwordChange: password(verdict, nil)
        case .keyboardInteractive, .keyboardInteractiveAnswers: conversation(verdict)
        case .password(let bytes): password(verdict, shown(bytes))
        case .publicKeyProbe(let key), .publicKey(let key), .publicKeyBadSignature(let key),
            .unusableKey(let key, _):
            publicKey(verdict, line(key))
        }
    }

    /// Says that the proven key counts without the webhook; `age` is that of the acceptance.
    func outage(_ verdict: AuthenticationVerdict, _ age: Duration?) -> AuditEvent? {
        guard let age, case .publicKey(let key) = attempt.method else { return nil }
        switch verdict {
        case .accepted, .partial: break
        case .refused, .challenge, .token, .disconnect: return nil
        }
        let words = "the webhook does not answer; it accepted this \(age.components.seconds) s ago"
        return .publicKeyUnavailable(
            username: attempt.username,
            key: line(key),
            reason: "\(MessageCode.sshAuthFromCache.id): \(words)"
        )
    }

    private func password(_ verdict: AuthenticationVerdict, _ password: [UInt8]?) -> AuditEvent {
        let name = attempt.username
        return switch verdict {
        case .accepted, .partial: .passwordAccepted(username: name, password: password)
        case .refused, .challenge, .token: .passwordRefused(username: name, password: password)
        case .disconnect(let refusal):
            .passwordUnavailable(username: name, password: password, reason: refusal.text)
        }
    }

    private func publicKey(_ verdict: AuthenticationVerdict, _ key: String) -> AuditEvent {
        let name = attempt.username
        return switch verdict {
        case .accepted, .partial: .publicKeyAccepted(username: name, key: key)
        case .refused, .challenge, .token: .publicKeyRefused(username: name, key: key)
        case .disconnect(let refusal):
            .publicKeyUnavailable(username: name, key: key, reason: refusal.text)
        }
    }

    /// A conversation that succeeds is recorded as the handshake that succeeds.
    private func conversation(_ verdict: AuthenticationVerdict) -> AuditEvent? {
        let name = attempt.username
        return switch verdict {
        case .accepted, .partial: nil
        case .challenge(let challenge):
            .challenge(
                username: name,
                instruction: challenge.instruction,
                questions: challenge.prompts.map { AuditEvent.Question($0.text, echo: $0.echo) }
            )
        case .refused, .token: .challengeRefused(username: name)
        case .disconnect(let refusal): .challengeUnavailable(username: name, reason: refusal.text)
        }
    }

    private func kerberos(_ verdict: AuthenticationVerdict) -> AuditEvent? {
        let name = attempt.username
        return switch verdict {
        case .accepted, .partial: .kerberos(username: name, .successful, reason: "")
        case .token: nil
        case .refused, .challenge: .kerberos(username: name, .failed, reason: "")
        case .disconnect(let refusal):
            .kerberos(username: name, .unavailable, reason: refusal.text)
        }
    }

    private func shown(_ answers: [[UInt8]]) -> [AuditEvent.Answer] {
        zip(challenge?.prompts ?? [], answers).map { prompt, answer in
            AuditEvent.Answer(
                prompt.text,
                answer: recordsPasswords ? String(decoding: answer, as: UTF8.self) : ""
            )
        }
    }

    private func shown(_ password: [UInt8]) -> [UInt8]? { recordsPasswords ? password : nil }

    private func line(_ key: OfferedKey) -> String { "\(key.type) \(base64(key.blob))" }
}
