package import ConfigClient
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedModels
import Synchronization

/// The static configuration with the config webhook's reply over it, checked against the rules and
/// the floor.
package final class WebhookUserConfiguration: UserConfigurationSource {
    private let base: Mutex<BerthConfig>
    private let webhook: ConfigWebhookClient?
    private let logger: Logger

    /// `webhook` is `nil` where `configserver.url` is not set: everybody gets `base`.
    package init(base: BerthConfig, webhook: ConfigWebhookClient?, logger: Logger) {
        self.base = Mutex(base)
        self.webhook = webhook
        self.logger = logger
    }

    /// New connections start from `config`; those that are open keep what they have.
    package func replace(base config: BerthConfig) {
        base.withLock { $0 = config }
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
            let config = try base.withLock { $0 }.applying(reply: response.config)
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
