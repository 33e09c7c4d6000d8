import ArgumentParser
import AuditdCore
import Foundation
import Logging
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
            let storages = try storages(context.config, auditLogger)
            return try RecordingService(
                config,
                storages: storages,
                tracer: context.tracer,
                logger: auditLogger
            )
        }
        recordings.register(in: context.health)
        let logger = context.logger("http")
        let router = context.router(logger)
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
            health: context.health,
            logger: context.logger("metrics")
        )
        return (reporter.map { [DaemonService($0, name: "metrics")] } ?? []) + [
            DaemonService(recordings, name: "recordings"),
            DaemonService(http) { _ = try await http.boundAddress() },
        ]
    }

    private func storages(
        _ config: BerthConfig,
        _ logger: Logger
    ) throws -> [any RecordingStorage] {
        let folder = config.auditd.directory
        let files = config.auditd.files.isEmpty ? folder : config.auditd.files
        return try config.auditd.storages(for: config.audit).map { kind in
            switch kind {
            case .none: NoStorage()
            case .file: FileStorage(folder: files, threads: .singleton, logger: logger)
            case .s3:
                try S3Storage(
                    config.audit.s3,
                    folder: folder,
                    environment: ProcessInfo.processInfo.environment,
                    logger: logger
                )
            }
        }
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.auditd.server, like: config.health.client)
    }
}
