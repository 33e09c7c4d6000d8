import ArgumentParser
import MetricsdCore
import SharedConfig
import SharedDaemon
import SharedHTTP

@main
struct Metricsd: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-metricsd",
        abstract: "Adds up what the processes of Berth count and shows it to scrapers."
    )

    @OptionGroup var options: DaemonOptions

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let logger = context.logger("metrics")
        let board = MetricsBoard(logger: logger)
        let countries = try countries(context)
        let ingest = try HTTPService(
            "metricsd",
            HTTPServerOptions(context.config.metricsd.server),
            router: MetricsdRouter.ingest(
                board,
                countries: countries,
                health: context.health,
                logger: logger,
                tracer: context.tracer
            ),
            logger: logger
        )
        var services = [DaemonService(ingest) { _ = try await ingest.boundAddress() }]
        if let countries { services.append(DaemonService(countries, name: "countries")) }
        if context.config.metrics.enable {
            let scrape = try ScrapeService(
                context.config.metrics,
                board: board,
                expected: context.config.metricsd.expected.map(\.rawValue),
                health: context.health,
                logger: logger
            )
            services.append(
                DaemonService(scrape, name: "metrics") { _ = try await scrape.boundAddress() }
            )
        }
        return services
    }

    private func countries(_ context: DaemonContext) throws -> CountryBoard? {
        let geoip = context.config.geoip
        guard geoip.provider == .maxmind else { return nil }
        return try CountryBoard(path: geoip.database, logger: context.logger("geoip"))
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.metricsd.server, like: config.health.client)
    }
}
