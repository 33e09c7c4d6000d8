import Logging
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization

extension Login {
    /// Passes a step of a Kerberos login on to who holds the keytab.
    func negotiate(
        _ step: GSSAPIRequest.Step,
        _ username: String
    ) async throws -> AuthenticationVerdict {
        guard let source = authenticators.gssapi else {
            return refuse(.sshAuthUnavailable, username, .gssapi)
        }
        let request = GSSAPIRequest(head: head(username), step: step)
        switch try await source.negotiate(request, country: state.country.now) {
        case .goesOn(let continuation):
            openRound.withLock { $0 = continuation.state }
            return .token(continuation.token.isEmpty ? nil : continuation.token)
        case .verdict(let answer) where answer.success:
            guard case .proof = step else {
                // Without the proof the tokens may be another connection's.
                return refuse(.sshAuthFailed, username, .gssapi, ["reason": "no proof"])
            }
            return try await take(LoginProgress.Proof(.gssapi, answer), username)
        case .verdict(let answer):
            return refuse(.sshAuthFailed, username, .gssapi, text: shown(answer.reason))
        }
    }
}
