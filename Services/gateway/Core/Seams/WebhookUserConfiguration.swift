package import ConfigClient
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedModels

/// The static configuration with the config webhook's reply over it, checked against the rules and
/// the floor.
package final class WebhookUserConfiguration: UserConfigurationSource {
    private let base: BerthConfig
    private let webhook: ConfigWebhookClient?
    private let logger: Logger

    /// `webhook` is `nil` where `configserver.url` is not set: everybody gets `base`.
    package init(base: BerthConfig, webhook: ConfigWebhookClient?, logger: Logger) {
        self.base = base
        self.webhook = webhook
        self.logger = logger
    }

    package func configuration(
        for head: AuthRequestHead,
        authenticatedUsername: String
    ) async throws -> UserConfigurationAnswer {
        var labels = logger
        labels[metadataKey: "connectionId"] = "\(head.connectionID)"
        labels[metadataKey: "username"] = "\(head.username)"
        let request = ConfigRequest(head: head, authenticatedUsername: authenticatedUsername)
        let response = try await webhook?.ask(request, logger: labels) ?? ConfigResponse()
        do {
            let config = try base.applying(reply: response.config)
            return UserConfigurationAnswer(
                config: config,
                carried: response.carried,
                authenticatedUsername: response.authenticatedUsername
            )
        } catch {
            throw CodedError(.backendConfigError, detail: "\(error)")
        }
    }
}
