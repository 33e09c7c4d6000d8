import MetricsClient
import SharedModels
import Testing

@testable import MetricsdCore

@Suite struct MetricsLedgerTests {
    private let start = ContinuousClock.now
    private var limits = MetricsLedger.Limits()

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test("a repeated report counts once and a late one not at all")
    func repeated() throws {
        var ledger = MetricsLedger()
        let report = try Report(sequence: 2, connections: 5).checked()
        #expect(ledger.receive(report, at: start) == .accepted(dropped: 0))
        #expect(ledger.receive(report, at: start) == .outdated)
        let late = try Report(sequence: 1, connections: 3).checked()
        #expect(ledger.receive(late, at: start) == .outdated)
        #expect(ledger.connections(at: start) == 5)
    }

    @Test("lost reports lose nothing that a later one carries")
    func lost() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(sequence: 1, connections: 5).checked(), at: start)
        _ = ledger.receive(try Report(sequence: 9, connections: 50).checked(), at: at(40))
        #expect(ledger.connections(at: at(40)) == 50)
    }

    @Test("totals of a gateway survive its restart and those of two gateways add up")
    func restart() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(epoch: 1, connections: 5).checked(), at: start)
        _ = ledger.receive(try Report(epoch: 2, connections: 1).checked(), at: at(1))
        _ = ledger.receive(try Report(instance: "other", connections: 10).checked(), at: at(1))
        #expect(ledger.connections(at: at(1)) == 16)
        #expect(ledger.connections(at: at(1000)) == 16)
    }

    @Test("a gauge forgets a process as soon as its successor reports")
    func successor() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(epoch: 1, open: 4).checked(), at: start)
        #expect(ledger.open(at: start) == 4)
        _ = ledger.receive(try Report(epoch: 2, open: 1).checked(), at: at(1))
        #expect(ledger.open(at: at(1)) == 1)
    }

    @Test("an old process that still reports beside its successor keeps its gauge")
    func draining() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(epoch: 2, open: 1).checked(), at: start)
        _ = ledger.receive(try Report(epoch: 1, open: 4).checked(), at: at(1))
        #expect(ledger.open(at: at(1)) == 5)
    }

    @Test("a gauge lasts three intervals without a report")
    func expiry() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(interval: 5, connections: 7, open: 4).checked(), at: start)
        #expect(ledger.open(at: at(15)) == 4)
        #expect(ledger.open(at: at(15.1)) == nil)
        #expect(ledger.connections(at: at(15.1)) == 7)
        #expect(ledger.instances(at: at(15)) == 1)
        #expect(ledger.instances(at: at(15.1)) == 0)
    }

    @Test("a last report clears the gauge at once and nothing is taken after it")
    func final() throws {
        var ledger = MetricsLedger()
        let last = try Report(sequence: 3, isFinal: true, connections: 7, open: 4).checked()
        #expect(ledger.receive(last, at: start) == .accepted(dropped: 0))
        #expect(ledger.open(at: start) == nil)
        #expect(ledger.connections(at: start) == 7)
        let more = try Report(sequence: 4, connections: 8).checked()
        #expect(ledger.receive(more, at: start) == .closed)
        #expect(ledger.connections(at: start) == 7)
    }

    @Test("a process silent past the retention is closed without losing its totals")
    func retention() throws {
        var ledger = MetricsLedger()
        _ = ledger.receive(try Report(connections: 7).checked(), at: start)
        _ = ledger.receive(try Report(instance: "other", connections: 1).checked(), at: at(3601))
        #expect(ledger.connections(at: at(3601)) == 8)
        let back = try Report(sequence: 2, connections: 9).checked()
        #expect(ledger.receive(back, at: at(3602)) == .closed)
        #expect(ledger.connections(at: at(3602)) == 8)
    }

    @Test("present processes beyond the bound are refused; absent ones make room")
    func sourceBound() throws {
        var limits = limits
        limits.sources = 2
        var ledger = MetricsLedger(limits: limits)
        _ = ledger.receive(try Report(instance: "a", connections: 1).checked(), at: start)
        _ = ledger.receive(try Report(instance: "b", connections: 1).checked(), at: at(1))
        let third = try Report(instance: "c", connections: 1).checked()
        #expect(ledger.receive(third, at: at(2)) == .full)
        #expect(ledger.receive(third, at: at(100)) == .accepted(dropped: 0))
        #expect(ledger.connections(at: at(100)) == 3)
    }

    @Test("series beyond the bound are dropped and counted")
    func seriesBound() throws {
        var limits = limits
        limits.series = 2
        var ledger = MetricsLedger(limits: limits)
        let report = try Report(connections: 1, open: 1, handshakes: 1).checked()
        #expect(ledger.receive(report, at: start) == .accepted(dropped: 1))
        #expect(ledger.value(MetricCatalogue.droppedSeries, at: start) == 1)
    }

    @Test("histograms of several processes add up bucket by bucket")
    func histograms() throws {
        var ledger = MetricsLedger()
        for instance in ["a", "b"] {
            let report = try Report(instance: instance, seconds: [0.001, 0.3]).checked()
            _ = ledger.receive(report, at: start)
        }
        let family = ledger.families(at: start).first {
            $0.definition == MetricCatalogue.handshakeTime
        }
        guard case .histogram(let histogram) = family?.samples.first?.value else {
            Issue.record("no histogram")
            return
        }
        #expect(histogram.count == 4)
        #expect(histogram.counts[0] == 2)
        #expect(abs(histogram.sum - 0.602) < 1e-9)
    }

    @Test("the names of closed processes are bounded, the oldest is forgotten first")
    func closedBound() {
        var closed = ClosedSources(limit: 2)
        let names = (1...3).map { MetricsLedger.SourceName(instance: "a", epoch: $0) }
        for name in names { closed.insert(name) }
        #expect(names.map(closed.contains) == [false, true, true])
    }
}

extension MetricsLedger {
    func value(_ definition: MetricDefinition, at now: Instant) -> Double? {
        let family = families(at: now).first { $0.definition == definition }
        guard case .number(let number) = family?.samples.first?.value else { return nil }
        return number
    }

    func connections(at now: Instant) -> Double? { value(MetricCatalogue.connections, at: now) }

    func open(at now: Instant) -> Double? { value(MetricCatalogue.currentConnections, at: now) }

    func instances(at now: Instant) -> Double? {
        value(MetricCatalogue.reportingInstances, at: now)
    }
}
