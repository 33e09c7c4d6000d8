import AuditClient
import AuthClient
import ConfigClient
import DockerBackend
import Foundation
import GatewayCore
import GatewayOAuth2
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
        let authenticators = try await Authenticators(
            config.auth,
            cache: keyAnswers,
            metrics: metrics,
            logger: context.logger("auth")
        ) { [metrics, logger = context.logger("auth")] in
            try OAuth2Conversation($0, metrics: metrics, logger: logger)
        }
        let host = try await hostIdentity(config.ssh, logger)
        for name in config.ssh.unspokenAlgorithms {
            logger.emit(.gatewayAlgorithmNotOffered, ["algorithm": "\(name)"])
        }
        let configuration = try WebhookUserConfiguration(
            config,
            metrics: metrics,
            logger: context.logger("backend")
        )
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
            tracer: context.tracer,
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
