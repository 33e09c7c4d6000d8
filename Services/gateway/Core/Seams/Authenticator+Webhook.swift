package import AuthClient
package import SharedModels

extension AuthWebhookClient: Authenticator {
    package func decide(_ request: AuthRequest) async throws -> AuthResponse {
        try await decide(request, country: "XX")
    }
}
