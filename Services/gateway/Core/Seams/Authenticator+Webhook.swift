package import AuthClient
package import SharedModels

extension AuthWebhookClient: Authenticator, KeyboardInteractiveSource {
    package func decide(_ request: AuthRequest) async throws -> AuthResponse {
        try await decide(request, country: "XX")
    }

    package func converse(_ request: KeyboardRequest) async throws -> KeyboardResponse {
        try await converse(request, country: "XX")
    }
}
