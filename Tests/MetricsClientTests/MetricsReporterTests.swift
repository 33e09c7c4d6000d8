import CoreMetrics
import Foundation
import Logging
import ServiceLifecycle
import ServiceLifecycleTestKit
import SharedModels
import Synchronization
import Testing

@testable import MetricsClient

@Suite(.timeLimit(.minutes(5))) struct MetricsReporterTests {
    private struct Down: Error {}

    private let registry = MetricsRegistry(daemon: "gateway")
    private let identity = ReporterIdentity(
        daemon: "gateway",
        instance: "host:2222",
        started: Date(timeIntervalSince1970: 1000)
    )

    private func reporter(
        _ logger: Logger,
        _ send: @escaping @Sendable (MetricsReport) async throws -> Void
    ) -> MetricsReporter<ContinuousClock> {
        MetricsReporter(
            registry: registry,
            identity: identity,
            interval: .milliseconds(1),
            clock: ContinuousClock(),
            logger: logger,
            send: send
        )
    }

    @Test("reports name their process and are numbered; the last one is marked")
    func sequence() async throws {
        let (reports, feed) = AsyncStream.makeStream(of: MetricsReport.self)
        let reporter = reporter(.silent) { feed.yield($0) }
        var seen: [MetricsReport] = []
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await reporter.run() }
                for await report in reports {
                    seen.append(report)
                    if seen.count == 3 { trigger.triggerGracefulShutdown() }
                    if report.isFinal { break }
                }
                try await group.waitForAll()
            }
        }
        #expect(seen.map(\.sequence) == Array(1...Int64(seen.count)))
        #expect(seen.map(\.isFinal).filter { $0 }.count == 1)
        #expect(seen.allSatisfy { $0.epoch == 1_000_000 && $0.instance == "host:2222" })
    }

    @Test("what has to be measured is measured before each report", .timeLimit(.minutes(2)))
    func measured() async {
        let (reports, feed) = AsyncStream.makeStream(of: MetricsReport.self)
        let metrics = GatewayMetrics(factory: PushMetricsFactory(registry: registry))
        let number = Atomic(0)
        let reporter = MetricsReporter(
            registry: registry,
            identity: identity,
            interval: .milliseconds(1),
            clock: ContinuousClock(),
            logger: .silent,
            measure: { metrics.startups(number.add(1, ordering: .relaxed).newValue) },
            send: { feed.yield($0) }
        )
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reporter.run() }
            var expected = 1.0
            for await report in reports {
                let series = report.series.first { $0.name == MetricCatalogue.startups.name }
                #expect(series?.value == expected)
                expected += 1
                if expected > 3 { break }
            }
            group.cancelAll()
        }
    }

    @Test("metricsd down is logged once, its return once, and the totals arrive whole")
    func downAndUp() async throws {
        let (reports, feed) = AsyncStream.makeStream(of: MetricsReport.self)
        let calls = Atomic(0)
        let log = LogRecorder()
        let metrics = GatewayMetrics(factory: PushMetricsFactory(registry: registry))
        let reporter = reporter(log.logger) { report in
            metrics.connectionOpened(country: "HU")
            guard calls.add(1, ordering: .relaxed).newValue > 5 else { throw Down() }
            feed.yield(report)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reporter.run() }
            let arrived = await reports.prefix(2).reduce(into: []) { $0.append($1) }
            group.cancelAll()
            try await group.waitForAll()
            let total = arrived.first?.series.first {
                $0.name == MetricCatalogue.connections.name && $0.labels["country"] == "HU"
            }
            #expect(total?.value == 5)
        }
        #expect(log.codes == ["METRICS_REPORT_FAILED", "METRICS_REPORT_RECOVERED"])
    }

    @Test("a report survives JSON")
    func json() throws {
        let metrics = GatewayMetrics(factory: PushMetricsFactory(registry: registry))
        metrics.handshakeSucceeded(country: "HU", after: .milliseconds(3))
        let report = MetricsReport(
            identity: identity,
            sequence: 7,
            interval: 5,
            isFinal: true,
            series: registry.snapshot()
        )
        let body = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(MetricsReport.self, from: body) == report)
    }

    @Test("the largest report the registry makes fits the limits of the route")
    func largest() throws {
        let full = MetricsRegistry(daemon: "gateway")
        let factory = PushMetricsFactory(registry: full)
        let padding = String(repeating: "x", count: SeriesKey.longestLabelValue - 4)
        for number in 1000..<(1000 + MetricsRegistry.defaultLimit) {
            let value = padding + "\(number)"
            let labels = MetricCatalogue.authFailures.labels.map { ($0, value) }
            factory.makeCounter(label: MetricCatalogue.authFailures.name, dimensions: labels)
                .increment(by: .max)
        }
        let series = full.snapshot()
        #expect(series.count == MetricsRegistry.defaultLimit + 1)
        let report = MetricsReport(
            identity: identity,
            sequence: .max,
            interval: 5,
            isFinal: false,
            series: series
        )
        #expect(try JSONEncoder().encode(report).count < MetricsRoutes.longestReport)
        #expect(series.count <= MetricsRoutes.mostSeries)
    }
}
