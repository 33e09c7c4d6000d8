import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization

extension Login {
    /// Takes one step of the conversation: asks the source, then the person or nobody.
    func converse(
        _ step: KeyboardRequest.Step,
        _ username: String
    ) async throws -> AuthenticationVerdict {
        guard let source = authenticators.keyboardInteractive else {
            return refuse(.sshAuthUnavailable, username, .keyboardInteractive)
        }
        let request = KeyboardRequest(head: head(username), step: step)
        switch try await source.converse(request, country: state.country.now) {
        case .round(let round):
            openRound.withLock { $0 = round.state }
            var labels = labels(username, .keyboardInteractive)
            labels["prompts"] = "\(round.prompts.count)"
            logger.emit(.sshAuthKeyboardInteractive, labels)
            return .challenge(KeyboardChallenge(round))
        case .verdict(let answer) where answer.success:
            return try await take(LoginProgress.Proof(.keyboardInteractive, answer), username)
        case .verdict(let answer):
            return refuse(.sshAuthFailed, username, .keyboardInteractive, answer)
        }
    }
}

extension KeyboardChallenge {
    fileprivate init(_ round: KeyboardRound) {
        self.init(
            name: round.name,
            instruction: round.instruction,
            prompts: round.prompts.map { Prompt($0.prompt, echo: $0.echo) }
        )
    }
}
