import Dispatch
import Foundation
import Logging
import MetricsClient
import ServiceLifecycle
import ServiceLifecycleTestKit
import SharedConfig
import SharedHTTP
import SharedModels
import Testing

@testable import MetricsdCore

/// A reporter and metricsd's listeners over real sockets.
@Suite(.timeLimit(.minutes(5))) struct PushTests {
    private let board = MetricsBoard(logger: .silent)

    private func push(to address: ListenAddress) -> MetricsPushConfig {
        var config = MetricsPushConfig()
        config.client.url = "http://\(address)"
        config.interval = .milliseconds(100)
        return config
    }

    private func connections() -> Double? {
        let family = board.families().first { $0.definition == MetricCatalogue.connections }
        guard case .number(let number) = family?.samples.first?.value else { return nil }
        return number
    }

    private func ingestServer(_ listen: ListenAddress) throws -> HTTPService {
        try HTTPService(
            "metricsd",
            HTTPServerOptions(listen: listen),
            router: MetricsdRouter.ingest(board, health: .init(), logger: .silent),
            logger: .silent
        )
    }

    private func gateway(
        started: Double,
        to address: ListenAddress,
        connections: Int,
        logger: Logger = .silent
    ) throws -> MetricsReporter<ContinuousClock> {
        let registry = MetricsRegistry(daemon: "gateway")
        let metrics = GatewayMetrics(factory: PushMetricsFactory(registry: registry))
        for _ in 0..<connections { metrics.connectionOpened(country: "XX") }
        let identity = ReporterIdentity(
            daemon: "gateway",
            instance: "host:2222",
            started: Date(timeIntervalSince1970: started)
        )
        let reporter = try MetricsReporter.make(
            push(to: address),
            registry: registry,
            identity: identity,
            logger: logger
        )
        return try #require(reporter)
    }

    /// Looks every few milliseconds; the suite's time limit is the deadline.
    private func until(_ condition: () -> Bool) async throws {
        while !condition() {
            try Task.checkCancellation()
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(5)) {
                    continuation.resume()
                }
            }
        }
    }

    @Test("totals add up over a gateway that is started again")
    func restart() async throws {
        let server = try ingestServer(.tcp(host: "127.0.0.1", port: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.boundAddress()
            for run in 1...2 {
                let gateway = try gateway(started: Double(run), to: address, connections: 3)
                try await testGracefulShutdown { trigger in
                    async let ended: Void = gateway.run()
                    try await until { connections() == Double(run * 3) }
                    trigger.triggerGracefulShutdown()
                    try await ended
                }
            }
            group.cancelAll()
        }
        let open = board.families().first { $0.definition == MetricCatalogue.currentConnections }
        #expect(open?.samples == [])
    }

    @Test("a metricsd that comes late gets what was counted before, and its absence is one line")
    func down() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let socket = ListenAddress.unix(path: folder.appending(path: "s").path)
        let log = LogRecorder()
        var config = MetricsPushConfig()
        config.client.url = "\(socket)"
        config.interval = .milliseconds(100)
        let registry = MetricsRegistry(daemon: "gateway")
        GatewayMetrics(factory: PushMetricsFactory(registry: registry))
            .connectionOpened(country: "XX")
        let reporter = try #require(
            try MetricsReporter.make(
                config,
                registry: registry,
                identity: .init(daemon: "gateway", instance: "a", started: Date()),
                logger: log.logger
            )
        )
        let server = try ingestServer(socket)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reporter.run() }
            try await until { log.codes.contains("METRICS_REPORT_FAILED") }
            group.addTask { try await server.run() }
            try await until { connections() == 1 && log.codes.contains("METRICS_REPORT_RECOVERED") }
            group.cancelAll()
        }
        let said = log.codes.filter { $0.hasPrefix("METRICS_") }
        #expect(said == ["METRICS_REPORT_FAILED", "METRICS_REPORT_RECOVERED"])
    }

    @Test("without a URL nothing is reported")
    func off() throws {
        let reporter = try MetricsReporter<ContinuousClock>.make(
            MetricsPushConfig(),
            registry: MetricsRegistry(daemon: "gateway"),
            identity: .init(daemon: "gateway", instance: "a", started: Date()),
            logger: .silent
        )
        #expect(reporter == nil)
    }

    @Test("the scrape listener says where it is and answers there")
    func scrape() async throws {
        var config = MetricsConfig()
        config.server.listen = "127.0.0.1:0"
        config.path = "/scrape"
        let log = LogRecorder()
        let service = try ScrapeService(config, board: board, health: .init(), logger: log.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            let address = try await service.boundAddress()
            let client = try HTTPClient(
                HTTPClientOptions(url: "http://\(address)"),
                logger: .silent
            )
            let reply = try await client.send(HTTPCall(.get, "/scrape"))
            #expect(String(decoding: reply.body, as: UTF8.self).hasSuffix("# EOF\n"))
            try await until { log.codes.contains("METRICS_AVAILABLE") }
            group.cancelAll()
        }
    }
}
