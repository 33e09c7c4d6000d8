import AuthOAuth2
import GatewayCore
package import Logging
package import MetricsClient
package import SharedConfig
import SharedLogging
package import SharedMessages
package import SharedModels

/// Leads logins at an OAuth2 or OpenID Connect provider inside the gateway, as ContainerSSH does.
package struct OAuth2Conversation: KeyboardInteractiveSource {
    private let login: OAuth2Login
    private let metrics: GatewayMetrics
    private let logger: Logger

    /// Rounds without prompts follow one another; at most 128 are allowed in a login.
    private static let longestRound = Duration.seconds(10)
    private static let mostRounds = 100

    /// Reads the certificate files that `config` names, so it blocks. Throws a `CodedError`
    /// (`HTTP_CLIENT_…`) for a provider that cannot be called.
    package init(
        _ config: OAuth2Config,
        metrics: GatewayMetrics,
        logger: Logger
    ) throws(CodedError) {
        self.metrics = metrics
        self.logger = logger
        login = try OAuth2Login(
            config,
            longestRound: max(Self.longestRound, config.authTimeout / Self.mostRounds),
            logger: logger
        )
    }

    package func converse(
        _ request: KeyboardRequest,
        country: String
    ) async throws -> KeyboardResponse {
        if case .begin = request.step {
            metrics.authAsked(.keyboardInteractive, isRetry: false)
        }
        do {
            switch try await login.answer(request) {
            case .round(let round): return .round(round)
            case .proven(let identity):
                return verdict(
                    AuthResponse(
                        success: true,
                        authenticatedUsername: identity.name,
                        carried: identity.carried
                    ),
                    country
                )
            case .refused(let reason):
                return verdict(AuthResponse(success: false, reason: reason), country)
            }
        } catch let error as CodedError {
            logger.emit(error, [LogLabel.connectionId: "\(request.head.connectionID)"])
            let code = error.code.id
            metrics.authUnanswered(.keyboardInteractive, .hard, isRetry: false, reason: code)
            throw error
        }
    }

    private func verdict(_ answer: AuthResponse, _ country: String) -> KeyboardResponse {
        metrics.authAnswered(
            .keyboardInteractive,
            success: answer.success,
            isRetry: false,
            country: country
        )
        return .verdict(answer)
    }
}
