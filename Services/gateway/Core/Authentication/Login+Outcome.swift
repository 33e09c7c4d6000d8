import Logging
import MetricsClient
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization

// How a step ends.
extension Login {
    /// Takes a successful step, and binds the identity once no other must follow.
    func take(_ proof: LoginProgress.Proof, _ username: String) async throws
        -> AuthenticationVerdict
    {
        let before = progress.withLock(\.identity)
        let progress = progress.withLock { $0.add(proof) ? $0 : nil }
        guard let progress else {
            let labels: Logger.Metadata = [
                "identity": "\(before)", "otherIdentity": "\(proof.identity)",
            ]
            return refuse(.sshAuthIdentityChanged, username, proof.method, labels)
        }
        guard rules.require.isComplete(progress.done) else {
            logger.emit(.sshAuthPartial, labels(username, proof.method))
            return .partial(methods: methodNames)
        }
        let answer = try await authorized(progress, username)
        guard let identity = answer.authenticatedUsername, answer.success else {
            self.progress.withLock { $0 = LoginProgress(username: username) }
            let text = shown(answer.reason)
            return refuse(.sshAuthFailed, username, proof.method, ["reason": "authz"], text: text)
        }
        guard let limits = limits(progress, answer) else {
            return refuse(.sshAuthFailed, username, proof.method, ["reason": "two forced commands"])
        }
        state.update {
            $0.authenticatedUsername = identity
            $0.carried.merge(answer.carried)
            $0.credentialLimits = limits.value
        }
        let methods = progress.done.map(\.rawValue).joined(separator: ",")
        logger.emit(.sshAuthSuccessful, ["username": "\(username)", "method": "\(methods)"])
        if rules.privilegedUsers.denies(username) || rules.privilegedUsers.denies(identity) {
            logger.emit(
                .sshLoginPrivileged,
                ["username": "\(username)", "identity": "\(identity)", "method": "\(methods)"]
            )
        }
        return .accepted
    }

    private struct Limits {
        let value: CredentialLimits?
    }

    /// What all steps and the authorization allow; `nil` if no program could run within it.
    private func limits(
        _ progress: LoginProgress,
        _ answer: AuthResponse
    ) -> Limits? {
        guard let more = answer.restrictions.map(CredentialLimits.init) else {
            return Limits(value: progress.limits)
        }
        guard let limits = progress.limits else { return Limits(value: more) }
        return limits.narrowed(by: more).map { Limits(value: $0) }
    }

    /// Identity and metadata with what the authorization adds, or its refusal.
    private func authorized(
        _ progress: LoginProgress,
        _ username: String
    ) async throws -> AuthResponse {
        let proven = AuthResponse(
            success: true,
            authenticatedUsername: progress.identity,
            carried: progress.carried
        )
        guard let authorization = authenticators.authorization else { return proven }
        let question = AuthRequest(
            head: head(username),
            question: .authorization(authenticatedUsername: progress.identity)
        )
        var answer = try await authorization.decide(question, country: state.country.now)
        guard answer.success else { return answer }
        answer.authenticatedUsername = answer.authenticatedUsername ?? progress.identity
        var carried = progress.carried
        carried.merge(answer.carried)
        answer.carried = carried
        return answer
    }

    /// A refusal: logged under its code, counted, and answered with the methods that are left.
    func refuse(
        _ code: MessageCode,
        _ username: String,
        _ method: AuthMethod?,
        _ more: Logger.Metadata = [:],
        text: String? = nil,
        isUnknownUser: Bool = false
    ) -> AuthenticationVerdict {
        logger.emit(code, labels(username, method).merging(more) { _, new in new })
        // Names of methods that nobody implements come from the client and are no label.
        metrics.loginRefused(method: method?.rawValue ?? "other", code: code.id)
        return .refused(methods: methodNames, text: text, isUnknownUser: isUnknownUser)
    }

    /// A webhook's refusal, with what it says to the person and about the name.
    func refuse(
        _ code: MessageCode,
        _ username: String,
        _ method: AuthMethod,
        _ answer: AuthResponse
    ) -> AuthenticationVerdict {
        let text = shown(answer.reason)
        return refuse(code, username, method, text: text, isUnknownUser: answer.unknownUser)
    }

    /// No answer could be had: trying again on this connection is of no use, and the person is
    /// told so instead of being asked for another password.
    func failed(
        _ error: any Error,
        _ method: AuthMethod,
        _ username: String
    ) -> AuthenticationVerdict {
        // The client has gone; nobody is left to refuse.
        if error is CancellationError { return .refused(methods: methodNames) }
        let own = (error as? CodedError)?.code == .sshAuthRevocationUnreadable
        let code: MessageCode = own ? .sshAuthRevocationUnreadable : .sshAuthUnavailable
        _ = refuse(code, username, method, ["reason": "\(error)"])
        return .disconnect(.unavailable(code))
    }

    func labels(_ username: String, _ method: AuthMethod?) -> Logger.Metadata {
        var labels: Logger.Metadata = ["username": "\(username)"]
        if let method { labels["method"] = "\(method.rawValue)" }
        return labels
    }
}
