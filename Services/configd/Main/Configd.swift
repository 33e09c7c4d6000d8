import ArgumentParser
import ConfigdCore
import MetricsClient
import SharedConfig
import SharedDaemon
import SharedHTTP

@main
struct Configd: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-configd",
        abstract: "Answers what a person gets, from rules in files."
    )

    @OptionGroup var options: DaemonOptions

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let config = context.config.configd
        let metrics = ProcessMetrics.install(daemon: "configd")
        let logger = context.logger("configd")
        let book = try await RuleBook.open(paths: config.rules, logger: logger)
        let watcher = RuleWatcher(book, every: config.reloadInterval, logger: logger)
        context.onReload { try await watcher.refresh(paths: $0.configd.rules) }
        let router = context.router(logger)
        ConfigdRoutes(book).add(to: router)
        let http = try HTTPService(
            "configd",
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
            DaemonService(watcher),
            DaemonService(http) { _ = try await http.boundAddress() },
        ]
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.configd.server, like: config.health.client)
    }
}
