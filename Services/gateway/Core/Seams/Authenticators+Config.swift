import AuthClient
package import Logging
package import MetricsClient
import NIOPosix
package import SharedConfig
import SharedLogging
import SharedMessages

extension Authenticators {
    /// What the section `auth` asks for; webhooks are asked over their own connections. `provider`
    /// makes who leads logins at an OAuth2 provider; it may block.
    ///
    /// Throws what is wrong with a file or a webhook's settings.
    package init(
        _ auth: AuthConfig,
        cache: OutageCache,
        metrics: GatewayMetrics,
        logger: Logger,
        provider: @escaping @Sendable (OAuth2Config) throws -> any KeyboardInteractiveSource
    ) async throws {
        let rules = try await NIOThreadPool.singleton.runIfActive { try LoginRules(auth) }
        func client(_ isUsed: Bool, _ config: AuthWebhookConfig) throws -> AuthWebhookClient? {
            isUsed ? try AuthWebhookClient(config, metrics: metrics, logger: logger) : nil
        }
        func caching(_ webhook: AuthWebhookClient) -> any Authenticator {
            cache.use(auth.cache, webhook: auth.publicKey.webhook.client.url)
            guard auth.cache.enable else { return webhook }
            return CachingAuthenticator(webhook, cache: cache, after: auth.cache.after)
        }
        let questions = auth.keyboardInteractive
        for (name, isUsed) in auth.kerberosWithoutWebhook where isUsed {
            logger.emit(.sshAuthKerberosUnavailable, ["method": "\(name)"])
        }
        let keys = try client(auth.publicKey.method == .webhook, auth.publicKey.webhook)
        let conversation: (any KeyboardInteractiveSource)? =
            switch questions.method {
            case .off: nil
            case .webhook: try client(true, questions.webhook)
            case .oauth2:
                try await NIOThreadPool.singleton.runIfActive {
                    try provider(questions.oauth2)
                }
            }
        self.init(
            password: try client(
                auth.password.method != .off && !auth.password.webhook.client.url.isEmpty,
                auth.password.webhook
            ),
            publicKey: keys.map(caching),
            certificate: try client(auth.certificates.asksWebhook, auth.certificates.webhook),
            keyboardInteractive: conversation,
            gssapi: try client(
                auth.gssapi.method != .off && !auth.gssapi.webhook.client.url.isEmpty,
                auth.gssapi.webhook
            ),
            authorization: try client(
                auth.authorization.method == .webhook,
                auth.authorization.webhook
            ),
            rules: rules
        )
    }
}

extension AuthConfig {
    /// Methods that are to be Kerberos although no authd is named that could hold the keytab.
    fileprivate var kerberosWithoutWebhook: [(String, Bool)] {
        [
            ("password", password.method == .kerberos && password.webhook.client.url.isEmpty),
            ("gssapi-with-mic", gssapi.method == .kerberos && gssapi.webhook.client.url.isEmpty),
        ]
    }
}
