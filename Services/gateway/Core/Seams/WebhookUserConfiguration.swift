package import ConfigClient
package import Logging
package import MetricsClient
package import SharedConfig
import SharedHTTP
import SharedLogging
import SharedMessages
package import SharedModels

/// The static configuration with the config webhook's reply over it, checked against the rules and
/// the floor.
package final class WebhookUserConfiguration: UserConfigurationSource {
    private let base: BerthConfig
    private let webhook: (any ConfigWebhook)?
    private let logger: Logger

    /// `webhook` is `nil` where `configserver.url` is not set: everybody gets `base`.
    package init(base: BerthConfig, webhook: (any ConfigWebhook)?, logger: Logger) {
        self.base = base
        self.webhook = webhook
        self.logger = logger
    }

    package func configuration(
        for head: AuthRequestHead,
        authenticatedUsername: String,
        country: String
    ) async throws -> UserConfigurationAnswer {
        var labels = logger
        labels[metadataKey: "connectionId"] = "\(head.connectionID)"
        labels[metadataKey: "username"] = "\(head.username)"
        let request = ConfigRequest(
            head: head,
            authenticatedUsername: authenticatedUsername,
            country: country
        )
        let response = try await webhook?.ask(request, logger: labels) ?? ConfigResponse()
        do {
            let config = try base.applying(reply: response.config)
            return UserConfigurationAnswer(
                config: config,
                carried: response.carried,
                authenticatedUsername: response.authenticatedUsername
            )
        } catch {
            throw CodedError(.backendConfigError, cause: error)
        }
    }
}

extension WebhookUserConfiguration {
    /// With the webhook that `configserver` names, if it names one. Throws what is wrong with its
    /// settings.
    package convenience init(
        _ config: BerthConfig,
        metrics: GatewayMetrics,
        logger: Logger
    ) throws {
        let webhook = try ConfigWebhookClient(config.configServer, metrics, logger)
        self.init(base: config, webhook: webhook, logger: logger)
    }
}

extension ConfigWebhookClient {
    /// `nil` where no webhook is named. Throws what is wrong with its settings.
    package init?(
        _ server: ConfigServerConfig,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) throws {
        guard !server.client.url.isEmpty else { return nil }
        let http = try HTTPClient(try HTTPClientOptions(server.client), logger: logger)
        self.init(server, http: http, metrics: metrics, logger: logger)
    }
}
