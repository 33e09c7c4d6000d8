import ArgumentParser
import AuditdCore
import MetricsClient
import NIOPosix
import SharedConfig
import SharedDaemon
import SharedHTTP

@main
struct BerthAuditd: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-auditd",
        abstract: "Takes recordings from gateways, keeps them safe, and finds them again."
    )

    @OptionGroup var options: DaemonOptions

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let config = context.config.auditd
        let metrics = ProcessMetrics.install(daemon: "auditd")
        let auditLogger = context.logger("audit")
        // Takes up what the last run left, which reads the disk.
        let recordings = try await NIOThreadPool.singleton.runIfActive {
            try RecordingService(config, logger: auditLogger)
        }
        recordings.register(in: context.health)
        let logger = context.logger("http")
        let router = HTTPService.makeRouter(health: context.health, logger: logger)
        recordings.addRoutes(to: router)
        let http = try HTTPService(
            "auditd",
            HTTPServerOptions(config.server),
            router: router,
            logger: logger
        )
        let reporter = try metrics.reporter(
            context.config.metrics.push,
            listen: config.server.listen,
            logger: context.logger("metrics")
        )
        return (reporter.map { [DaemonService($0, name: "metrics")] } ?? []) + [
            DaemonService(recordings, name: "recordings"),
            DaemonService(http) { _ = try await http.boundAddress() },
        ]
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.auditd.server, like: config.health.client)
    }
}
