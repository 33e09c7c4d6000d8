import AuditClient
import AuthClient
import AuthOAuth2
import BackendPool
import ConfigClient
import DockerBackend
import Foundation
import GatewayCore
import GuestAgent
import KubernetesBackend
import Logging
import MetricsClient
import NIOCore
import NIOPosix
import OCIBackend
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
    private let start: GatewayStart
    private let processMetrics: ProcessMetrics
    private let metrics: GatewayMetrics
    private let sessions: SessionRegistry
    private let limiter: ConnectionLimiter
    private let uses: any UseCounter
    private let shared: SharedUses?
    /// `nil` in a process for one connection, for which it would come too late.
    private let dockerPool: DockerPool?
    private let kubernetesPool: KubernetesPool?
    private let containers: OCIKeeper

    init(_ context: DaemonContext, _ start: GatewayStart) throws {
        self.context = context
        self.start = start
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
        shared = try Self.shared(config.limits, limiter, metrics, context.logger("limits"))
        uses = shared ?? LocalUses(capacity: config.limits.tracked)
        sessions = SessionRegistry(logger: logger)
        // One of many processes that serve a connection each has nobody to keep a container for.
        let keepsPools = start.inherited.connection == nil
        let logger = context.logger("backend")
        dockerPool = keepsPools ? Self.dockerPool(config.docker.pool, metrics, logger) : nil
        kubernetesPool =
            keepsPools ? Self.kubernetesPool(config.kubernetes.pool, metrics, logger) : nil
        let report = PoolReport(backend: OCIBackend.name, metrics: metrics, logger: logger)
        containers = OCIKeeper(
            config.oci,
            keepsPool: keepsPools,
            logger: logger,
            report: { report($0) }
        )
    }

    private static func dockerPool(
        _ config: PoolConfig,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) -> DockerPool {
        let report = PoolReport(backend: DockerBackend.name, metrics: metrics, logger: logger)
        return DockerPool(limits: PoolLimits(config), observe: { report($0) })
    }

    private static func kubernetesPool(
        _ config: PoolConfig,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) -> KubernetesPool {
        let report = PoolReport(backend: KubernetesBackend.name, metrics: metrics, logger: logger)
        return KubernetesPool(limits: PoolLimits(config), observe: { report($0) })
    }

    func services() async throws -> [DaemonService] {
        // One of many processes that serve a connection each cannot have a port of its own.
        let isSingle = start.inherited.connection != nil
        var services: [DaemonService] = []
        if let reporter = try reporter() {
            services.append(DaemonService(reporter, name: "metrics"))
        }
        let http = isSingle ? [] : try http()
        for server in http {
            services.append(DaemonService(server) { _ = try await server.boundAddress() })
        }
        let recorder = try recorder()
        if let recorder { services.append(DaemonService(recorder, name: "recordings")) }
        if let shared { services.append(DaemonService(shared, name: "shared limits")) }
        if let dockerPool { services.append(DaemonService(dockerPool, name: "docker pool")) }
        if let kubernetesPool {
            services.append(DaemonService(kubernetesPool, name: "kubernetes pool"))
        }
        services.append(DaemonService(containers, name: "containers"))
        let events = try events()
        if let events { services.append(DaemonService(events, name: "session events")) }
        let gateway = try await gateway(recorder, events, http)
        services.append(DaemonService(gateway) { _ = try await gateway.boundAddresses() })
        if !isSingle { services.append(DaemonService(await restart(gateway, http))) }
        return services
    }

    private static func shared(
        _ config: LimitsConfig,
        _ limiter: ConnectionLimiter,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) throws -> SharedUses? {
        guard !config.shared.client.url.isEmpty else { return nil }
        return SharedUses(
            name: UUID().uuidString,
            client: try LimitsClient(config.shared.client, logger: logger),
            interval: config.shared.interval,
            capacity: config.tracked,
            limiter: limiter,
            metrics: metrics,
            logger: logger
        )
    }

    // MARK: - Services

    private func reporter() throws -> MetricsReporter<ContinuousClock>? {
        // A predecessor that still has connections reports beside its successor.
        let isSuccessor = start.inherited.progress != nil
        let suffix = isSuccessor ? " \(ProcessInfo.processInfo.processIdentifier)" : ""
        return try processMetrics.reporter(
            config.metrics.push,
            listen: config.ssh.listen.name + suffix,
            health: context.health,
            measure: { [limiter] in limiter.measure() },
            logger: context.logger("metrics")
        )
    }

    /// The listeners beside SSH.
    private func http() throws -> [HTTPService] {
        var servers: [HTTPService] = []
        if config.health.enable { servers.append(try health()) }
        if config.gateway.admin.enable { servers.append(try admin()) }
        if config.auth.keyboardInteractive.method == .oauth2 { servers.append(try redirect()) }
        return servers
    }

    /// The page that shows people the code of their login.
    private func redirect() throws -> HTTPService {
        let config = config.auth.keyboardInteractive.oauth2.redirect
        return try .redirect(
            config,
            options(config.server),
            logger: context.logger("auth")
        )
    }

    private func health() throws -> HTTPService {
        let logger = context.logger("health")
        let router = context.router(logger)
        context.health.addRootRoute(to: router)
        let options = try options(config.health.server)
        return try HTTPService("Health check endpoint", options, router: router, logger: logger)
    }

    /// What whoever looks after the gateway may see and do; each part adds its routes here.
    private func admin() throws -> HTTPService {
        let logger = context.logger("admin")
        let router = context.router(logger)
        SessionRoutes(sessions).add(to: router)
        PenaltyRoutes(limiter).add(to: router)
        var options = try options(config.gateway.admin.server)
        options.socketMode = 0o600
        return try HTTPService("gateway admin", options, router: router, logger: logger)
    }

    private func options(_ server: HTTPServerConfig) throws -> HTTPServerOptions {
        var options = try HTTPServerOptions(server)
        // A predecessor gives the address up only when it is asked to.
        if start.inherited.progress != nil { options.bindPatience = .seconds(20) }
        return options
    }

    private func countries() throws -> Countries {
        let logger = context.logger("geoip")
        guard config.geoip.provider == .maxmind, !config.metrics.push.client.url.isEmpty else {
            return Countries(logger: logger, ask: nil)
        }
        let client = try CountryClient(config.metrics.push.client, logger: logger)
        return Countries(logger: logger) { try await client.country(of: $0) }
    }

    private func recorder() throws -> RecordingShipper? {
        guard config.audit.enable, config.audit.format != .none else { return nil }
        let logger = context.logger("audit")
        let servers = config.audit.servers
        return RecordingShipper(
            options: ShipperOptions(config.audit, gateway: UUID().uuidString),
            clients: try servers.map { server in
                (server.url, try HTTPClient(try HTTPClientOptions(server), logger: logger))
            },
            // So that several gateways use all of them.
            first: Int.random(in: 0..<servers.count),
            logger: logger
        )
    }

    private func events() throws -> SessionEventQueue? {
        guard !config.sessionEvents.client.url.isEmpty else { return nil }
        let logger = context.logger("session")
        return SessionEventQueue(
            config.sessionEvents,
            client: try SessionEventClient(config.sessionEvents.client, logger: logger),
            logger: logger
        )
    }

    private func gateway(
        _ recorder: RecordingShipper?,
        _ events: SessionEventQueue?,
        _ http: [HTTPService]
    ) async throws -> GatewayService {
        let parts = SetupParts(
            context: context,
            backends: backends(),
            recorder: recorder,
            limiter: limiter,
            uses: uses,
            metrics: metrics,
            countries: try countries(),
            sessions: sessions,
            keyAnswers: OutageCache(),
            events: events
        )
        let service = GatewayService(
            setup: try await parts.setup(config),
            config: config.ssh,
            inherited: start.inherited,
            times: DrainTimes(
                // The pool's own deadline comes after it, with time to take the workspaces down.
                atStop: config.service.shutdownTimeout * 0.75,
                afterRestart: config.ssh.restartDrainTime
            ),
            group: MultiThreadedEventLoopGroup.singleton,
            disconnects: DisconnectReport(metrics: metrics, logger: logger),
            logger: logger,
            othersReady: { for server in http { _ = try await server.boundAddress() } }
        )
        context.onHurry { service.hurry() }
        context.onReload { [config, logger] in
            try await service.reload($0.ssh, try await parts.setup($0))
            parts.limiter.use($0.limits, maximumConnections: $0.ssh.maxConnections)
            logger.reportSectionsForRestart(config, $0)
        }
        return service
    }

    private func restart(
        _ gateway: GatewayService,
        _ http: [HTTPService]
    ) async -> RestartService {
        let notifier = context.notifier
        return await RestartService(
            gateway: gateway,
            start: start.process,
            unshared: http.map { server in
                .init(release: { await server.release() }, resume: { server.resume() })
            },
            tell: .init(
                restarting: { notifier.reloading() },
                failed: { notifier.ready() },
                succeeded: { notifier.succeeded(by: $0) }
            ),
            logger: logger
        )
    }

    // MARK: - Parts

    /// The only place that knows every backend.
    private func backends() -> BackendCache {
        let logger = context.logger("backend")
        let agent = AgentFiles(
            program: config.gateway.agent.binary,
            folder: config.gateway.agent.folder
        )
        return BackendCache { [dockerPool, kubernetesPool, containers] config in
            switch config.backend {
            case .sandbox:
                return try SandboxBackend(config: config.sandbox, logger: logger)
            case .docker:
                return try DockerBackend(
                    config: config.docker,
                    agent: agent,
                    pool: dockerPool,
                    logger: logger
                )
            case .oci:
                return try OCIBackend(config: config.oci, keeper: containers, logger: logger)
            case .sshproxy:
                return try SSHProxyBackend(config: config.sshproxy, logger: logger)
            case .kubernetes:
                return try KubernetesBackend(
                    config: config.kubernetes,
                    agent: agent,
                    pool: kubernetesPool,
                    logger: logger
                )
            }
        }
    }
}

extension Logger {
    /// Names the sections of a new configuration that only a restart brings into use.
    fileprivate func reportSectionsForRestart(_ old: BerthConfig, _ new: BerthConfig) {
        let changed = [
            ("audit", old.audit == new.audit), ("geoip", old.geoip == new.geoip),
            (
                "auth.keyboardInteractive.oauth2.redirect",
                old.auth.keyboardInteractive.redirect == new.auth.keyboardInteractive.redirect
            ),
            ("gateway", old.gateway == new.gateway),
            ("health", old.health == new.health),
            ("limits.shared", old.limits.shared == new.limits.shared),
            ("limits.tracked", old.limits.tracked == new.limits.tracked),
            ("metrics", old.metrics == new.metrics), ("service", old.service == new.service),
            ("sessionEvents", old.sessionEvents == new.sessionEvents),
            ("ssh.listenBacklog", old.ssh.listenBacklog == new.ssh.listenBacklog),
            ("ssh.restartDrainTime", old.ssh.restartDrainTime == new.ssh.restartDrainTime),
            ("ssh.reusePort", old.ssh.reusePort == new.ssh.reusePort),
            ("tracing", old.tracing == new.tracing),
        ].filter { !$0.1 }.map { $0.0 }
        guard !changed.isEmpty else { return }
        emit(.gatewayReloadNeedsRestart, ["sections": .array(changed.map { .string($0) })])
    }
}

extension KeyboardInteractiveAuthConfig {
    /// What is served for it; `nil` for nothing.
    fileprivate var redirect: OAuth2RedirectConfig? {
        method == .oauth2 ? oauth2.redirect : nil
    }
}
