import AuditClient
import AuthClient
import ConfigClient
import DockerBackend
import Foundation
import GatewayCore
import KubernetesBackend
import Logging
import MetricsClient
import NIOPosix
import OCIBackend
import SandboxBackend
import SharedConfig
import SharedDaemon
import SharedHTTP
import SharedLogging
import SharedMessages
import SharedSSH

/// Makes what new connections are served with, at the start and at every reload: host keys,
/// algorithms, webhooks. What lives as long as the process is given.
struct SetupParts: Sendable {
    let context: DaemonContext
    let backends: BackendCache
    let recorder: RecordingShipper?
    let limiter: ConnectionLimiter
    let uses: any UseCounter
    let metrics: GatewayMetrics
    let countries: Countries
    let sessions: SessionRegistry
    let keyAnswers: OutageCache
    let events: SessionEventQueue?

    /// Throws what is wrong with a configuration beyond its own rules: a key that cannot be read,
    /// a backend that does not work here.
    func setup(_ config: BerthConfig) async throws -> ServerSetup {
        let logger = context.logger("ssh")
        let authenticators = try await authenticators(config.auth)
        let host = try await hostIdentity(config.ssh, logger)
        for name in config.ssh.unspokenAlgorithms {
            logger.emit(.gatewayAlgorithmNotOffered, ["algorithm": "\(name)"])
        }
        let configuration = try userConfiguration(config)
        try await checkBackend(config)
        let factory = ConnectionFactory(
            authenticators: authenticators,
            configuration: configuration,
            backends: backends,
            recorder: recorder,
            audit: context.config.audit,
            limiter: limiter,
            uses: uses,
            metrics: metrics,
            countries: countries,
            showsCommands: config.log.commands,
            sessions: sessions,
            events: events,
            logger: logger
        )
        return ServerSetup(
            settings: SSHServerSettings(
                config.ssh,
                auth: config.auth,
                host: host,
                methods: authenticators.methodNames
            ),
            gate: limiter,
            proxyHeaders: ProxyHeaderPolicy(config.ssh.proxyProtocol)
        ) { client, control, loop in
            factory.handler(for: client, control: control, on: loop)
        }
    }

    private func hostIdentity(_ config: SSHConfig, _ logger: Logger) async throws -> HostIdentity {
        let folder = URL(filePath: context.configPath ?? "config.yaml")
            .absoluteURL.deletingLastPathComponent().path(percentEncoded: false)
        return try await NIOThreadPool.singleton.runIfActive {
            try HostKeys.prepare(config, configFolder: folder, logger: logger)
        }
    }

    private func authenticators(_ auth: AuthConfig) async throws -> Authenticators {
        let rules = try await NIOThreadPool.singleton.runIfActive { try LoginRules(auth) }
        let logger = context.logger("auth")
        func client(_ isUsed: Bool, _ config: AuthWebhookConfig) throws -> AuthWebhookClient? {
            isUsed ? try AuthWebhookClient(config, metrics: metrics, logger: logger) : nil
        }
        let questions = auth.keyboardInteractive
        if questions.method == .oauth2 { logger.emit(.sshAuthOAuth2Unavailable) }
        let keys = try client(auth.publicKey.method == .webhook, auth.publicKey.webhook)
        return Authenticators(
            password: try client(auth.password.method == .webhook, auth.password.webhook),
            publicKey: keys.map { caching($0, auth) },
            keyboardInteractive: try client(questions.method == .webhook, questions.webhook),
            authorization: try client(
                auth.authorization.method == .webhook,
                auth.authorization.webhook
            ),
            rules: rules
        )
    }

    private func caching(_ webhook: AuthWebhookClient, _ auth: AuthConfig) -> any Authenticator {
        keyAnswers.use(auth.cache, webhook: auth.publicKey.webhook.client.url)
        guard auth.cache.enable else { return webhook }
        return CachingAuthenticator(webhook, cache: keyAnswers, after: auth.cache.after)
    }

    private func userConfiguration(_ config: BerthConfig) throws -> WebhookUserConfiguration {
        let logger = context.logger("backend")
        var webhook: ConfigWebhookClient?
        if !config.configServer.client.url.isEmpty {
            let options = try HTTPClientOptions(config.configServer.client)
            webhook = ConfigWebhookClient(
                config.configServer,
                http: try HTTPClient(options, logger: logger),
                metrics: metrics,
                logger: logger
            )
        }
        return WebhookUserConfiguration(base: config, webhook: webhook, logger: logger)
    }

    private func checkBackend(_ config: BerthConfig) async throws {
        if config.backend == .sandbox {
            // A machine that cannot make sandboxes is told so now, not at the first login.
            let user = try config.applying(reply: .null)
            let backend = try await backends.backend(for: user) as? SandboxBackend
            try await backend?.check()
        }
        if config.backend == .oci {
            let user = try config.applying(reply: .null)
            let backend = try await backends.backend(for: user) as? OCIBackend
            try await backend?.check()
        }
        if config.backend == .docker {
            // An engine that does not answer now may do so at the first login.
            let user = try config.applying(reply: .null)
            let docker = try await backends.backend(for: user) as? DockerBackend
            docker?.startSweep()
            docker?.startPool()
        }
        if config.backend == .kubernetes {
            // So may a cluster.
            let user = try config.applying(reply: .null)
            let kubernetes = try await backends.backend(for: user) as? KubernetesBackend
            kubernetes?.startSweep()
            kubernetes?.startPool()
        }
    }
}
