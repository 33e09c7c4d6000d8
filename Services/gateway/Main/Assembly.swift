import AuditClient
import AuthClient
import ConfigClient
import DockerBackend
import Foundation
import GatewayCore
import Logging
import MetricsClient
import NIOCore
import NIOPosix
import SSHProxyBackend
import SandboxBackend
import SharedConfig
import SharedDaemon
import SharedHTTP
import SharedLogging
import SharedMessages
import SharedSSH

/// Makes the gateway's services out of its configuration, those first on which others depend.
struct Assembly {
    private let context: DaemonContext
    private let config: BerthConfig
    private let logger: Logger
    private let processMetrics: ProcessMetrics
    private let metrics: GatewayMetrics
    private let limiter: ConnectionLimiter
    private let uses: any UseCounter
    private let inherited: InheritedSockets
    private let sessions: SessionRegistry

    init(_ context: DaemonContext, inherited: InheritedSockets) {
        self.context = context
        self.inherited = inherited
        config = context.config
        logger = context.logger("ssh")
        processMetrics = ProcessMetrics.install(daemon: "gateway")
        metrics = GatewayMetrics(factory: processMetrics.factory)
        limiter = ConnectionLimiter(
            config.limits,
            maximumConnections: config.ssh.maxConnections,
            metrics: metrics,
            logger: context.logger("limits")
        )
        uses = LocalUses(capacity: config.limits.tracked)
        context.onReload { [limiter] in
            limiter.use($0.limits, maximumConnections: $0.ssh.maxConnections)
        }
        sessions = SessionRegistry(logger: logger)
    }

    func services() async throws -> [DaemonService] {
        var services: [DaemonService] = []
        if let reporter = try reporter() {
            services.append(DaemonService(reporter, name: "metrics"))
        }
        if config.health.enable { services.append(try health()) }
        if config.gateway.admin.enable { services.append(try admin()) }
        let recorder = try recorder()
        if let recorder { services.append(DaemonService(recorder, name: "recordings")) }
        services.append(try await ssh(recorder))
        return services
    }

    // MARK: - Services

    private func reporter() throws -> MetricsReporter<ContinuousClock>? {
        try processMetrics.reporter(
            config.metrics.push,
            listen: config.ssh.listen.name,
            logger: context.logger("metrics")
        )
    }

    private func health() throws -> DaemonService {
        let logger = context.logger("health")
        let service = try HTTPService(
            "Health check endpoint",
            HTTPServerOptions(config.health.server),
            router: HTTPService.makeRouter(health: context.health, logger: logger),
            logger: logger
        )
        return DaemonService(service) { _ = try await service.boundAddress() }
    }

    /// What whoever looks after the gateway may see and do; each part adds its routes here.
    private func admin() throws -> DaemonService {
        let logger = context.logger("admin")
        let router = HTTPService.makeRouter(health: context.health, logger: logger)
        SessionRoutes(sessions).add(to: router)
        var options = try HTTPServerOptions(config.gateway.admin.server)
        options.socketMode = 0o600
        let service = try HTTPService("gateway admin", options, router: router, logger: logger)
        return DaemonService(service) { _ = try await service.boundAddress() }
    }

    private func recorder() throws -> RecordingShipper? {
        guard config.audit.enable, config.audit.format != .none else { return nil }
        let logger = context.logger("audit")
        return RecordingShipper(
            options: ShipperOptions(config.audit, gateway: UUID().uuidString),
            client: try HTTPClient(try HTTPClientOptions(config.audit.server), logger: logger),
            logger: logger
        )
    }

    private func ssh(_ recorder: RecordingShipper?) async throws -> DaemonService {
        let authenticators = try authenticators()
        let host = try await hostIdentity()
        for name in config.ssh.unspokenAlgorithms {
            logger.emit(.gatewayAlgorithmNotOffered, ["algorithm": "\(name)"])
        }
        let factory = try await factory(authenticators, recorder)
        let setup = ServerSetup(
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
        let service = GatewayService(
            setup: setup,
            config: config.ssh,
            inherited: inherited,
            // The pool's own deadline comes after it, with time to take the workspaces down.
            drainTime: config.service.shutdownTimeout * 0.75,
            group: MultiThreadedEventLoopGroup.singleton,
            disconnects: DisconnectReport(metrics: metrics, logger: logger),
            logger: logger
        )
        return DaemonService(service) { _ = try await service.boundAddresses() }
    }

    // MARK: - Parts

    private func hostIdentity() async throws -> HostIdentity {
        let folder = URL(filePath: context.configPath ?? "config.yaml")
            .absoluteURL.deletingLastPathComponent().path(percentEncoded: false)
        return try await NIOThreadPool.singleton.runIfActive { [config, logger] in
            try HostKeys.prepare(config.ssh, configFolder: folder, logger: logger)
        }
    }

    private func factory(
        _ authenticators: Authenticators,
        _ recorder: RecordingShipper?
    ) async throws -> ConnectionFactory {
        ConnectionFactory(
            authenticators: authenticators,
            configuration: try userConfiguration(),
            backends: try await backends(),
            recorder: recorder,
            audit: config.audit,
            limiter: limiter,
            uses: uses,
            metrics: metrics,
            sessions: sessions,
            logger: logger
        )
    }

    private func authenticators() throws -> Authenticators {
        let auth = config.auth
        let logger = context.logger("auth")
        func client(_ isUsed: Bool, _ config: AuthWebhookConfig) throws -> AuthWebhookClient? {
            isUsed ? try AuthWebhookClient(config, metrics: metrics, logger: logger) : nil
        }
        let questions = auth.keyboardInteractive
        if questions.method == .oauth2 { logger.emit(.sshAuthOAuth2Unavailable) }
        return Authenticators(
            password: try client(auth.password.method == .webhook, auth.password.webhook),
            publicKey: try client(auth.publicKey.method == .webhook, auth.publicKey.webhook),
            keyboardInteractive: try client(questions.method == .webhook, questions.webhook),
            authorization: try client(
                auth.authorization.method == .webhook,
                auth.authorization.webhook
            ),
            rules: try LoginRules(auth)
        )
    }

    private func userConfiguration() throws -> WebhookUserConfiguration {
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
        let source = WebhookUserConfiguration(base: config, webhook: webhook, logger: logger)
        context.onReload { source.replace(base: $0) }
        return source
    }

    /// The only place that knows every backend.
    private func backends() async throws -> BackendCache {
        let logger = context.logger("backend")
        let cache = BackendCache { config in
            switch config.backend {
            case .sandbox:
                return try SandboxBackend(config: config.sandbox, logger: logger)
            case .docker:
                return try DockerBackend(config: config.docker, logger: logger)
            case .sshproxy:
                return try SSHProxyBackend(config: config.sshproxy, logger: logger)
            case .kubernetes:
                throw CodedError(
                    .gatewayBackendUnavailable,
                    detail: "backend \(config.backend.rawValue) is not part of this gateway yet"
                )
            }
        }
        if config.backend == .sandbox {
            // A machine that cannot make sandboxes is told so now, not at the first login.
            let user = try config.applying(reply: .null)
            let backend = try await cache.backend(for: user) as? SandboxBackend
            try await backend?.check()
        }
        if config.backend == .docker {
            // An engine that does not answer now may do so at the first login.
            let user = try config.applying(reply: .null)
            (try await cache.backend(for: user) as? DockerBackend)?.startSweep()
        }
        return cache
    }
}
