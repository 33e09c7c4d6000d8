import CoreMetrics
import Metrics
import SharedModels
import Testing

@testable import MetricsClient

@Suite struct PushMetricsFactoryTests {
    private let registry = MetricsRegistry(daemon: "gateway", limit: 3)

    private var factory: PushMetricsFactory { PushMetricsFactory(registry: registry) }

    private func counter(_ country: String) -> Counter {
        Counter(
            label: MetricCatalogue.connections.name,
            dimensions: [("country", country)],
            factory: factory
        )
    }

    @Test("counters of the same name and labels add up in one series")
    func sameSeries() {
        counter("HU").increment()
        counter("HU").increment(by: 2)
        counter("AT").increment()
        let values = registry.values(of: MetricCatalogue.connections)
        #expect(values == [["country": "HU"]: 3, ["country": "AT"]: 1])
    }

    @Test("a counter neither shrinks nor starts again")
    func monotone() {
        let counter = counter("HU")
        counter.increment(by: 5)
        counter.reset()
        counter.increment(by: -3)
        counter.destroy()
        #expect(registry.values(of: MetricCatalogue.connections) == [["country": "HU"]: 5])
    }

    @Test("the order of labels does not matter")
    func labelOrder() {
        let labels = [("retry", "0"), ("authtype", "password")]
        for dimensions in [labels, labels.reversed()] {
            Counter(
                label: MetricCatalogue.authRequests.name,
                dimensions: dimensions,
                factory: factory
            ).increment()
        }
        let values = registry.values(of: MetricCatalogue.authRequests)
        #expect(values == [["retry": "0", "authtype": "password"]: 2])
    }

    @Test(
        "what the catalogue does not allow is dropped and counted",
        arguments: [
            ("made_up_total", [("country", "HU")]),
            (MetricCatalogue.connections.name, [("user", "dev")]),
            (MetricCatalogue.connections.name, [("country", "")]),
            (MetricCatalogue.connections.name, [("country", String(repeating: "x", count: 65))]),
            (MetricCatalogue.authRequests.name, [("retry", "0"), ("retry", "1")]),
            (MetricCatalogue.currentConnections.name, [("country", "HU")]),
        ]
    )
    func dropped(name: String, labels: [(String, String)]) {
        Counter(label: name, dimensions: labels, factory: factory).increment()
        #expect(registry.droppedCount == 1)
        #expect(registry.snapshot().map(\.name) == [MetricCatalogue.droppedSeries.name])
        #expect(registry.snapshot().first?.value == 1)
    }

    @Test("series beyond the bound are dropped, known ones go on")
    func bound() {
        for country in ["AA", "BB", "CC", "DD", "EE"] { counter(country).increment() }
        counter("AA").increment()
        let values = registry.values(of: MetricCatalogue.connections)
        #expect(values == [["country": "AA"]: 2, ["country": "BB"]: 1, ["country": "CC"]: 1])
        #expect(registry.droppedCount == 2)
    }

    @Test("a timer fills the buckets of its histogram")
    func histogram() throws {
        let timer = Timer(label: MetricCatalogue.handshakeTime.name, factory: factory)
        timer.record(duration: .milliseconds(5))
        timer.record(duration: .milliseconds(30))
        timer.record(duration: .seconds(100))
        let series = try #require(registry.snapshot().first)
        let histogram = try #require(series.histogram)
        #expect(histogram.counts == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(abs(histogram.sum - 100.035) < 1e-9)
    }

    @Test("many tasks count without losing an event")
    func concurrent() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { counter("HU").increment() } }
            }
        }
        #expect(registry.values(of: MetricCatalogue.connections) == [["country": "HU"]: 8000])
    }
}

extension MetricsRegistry {
    func values(of definition: MetricDefinition) -> [[String: String]: Double] {
        var values: [[String: String]: Double] = [:]
        for series in snapshot() where series.name == definition.name {
            values[series.labels] = series.value
        }
        return values
    }
}
