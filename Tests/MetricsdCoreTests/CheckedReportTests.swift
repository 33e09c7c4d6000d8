import Foundation
import MetricsClient
import SharedModels
import Testing

@testable import MetricsdCore

@Suite struct CheckedReportTests {
    private func check(_ change: (inout MetricsReport) -> Void) throws -> CheckedReport {
        var report = try Report(connections: 1, seconds: [1]).wire()
        change(&report)
        return try CheckedReport(report)
    }

    private struct Change: Sendable {
        let problem: ReportProblem
        let apply: @Sendable (inout MetricsReport) -> Void

        init(_ problem: ReportProblem, _ apply: @escaping @Sendable (inout MetricsReport) -> Void) {
            self.problem = problem
            self.apply = apply
        }
    }

    private static let badHeads = [
        Change(.version) { $0.version = 2 },
        Change(.daemon) { $0.daemon = "somebody" },
        Change(.instance) { $0.instance = "" },
        Change(.instance) { $0.instance = String(repeating: "x", count: 301) },
        Change(.order) { $0.epoch = 0 },
        Change(.order) { $0.sequence = -1 },
        Change(.interval) { $0.interval = 0 },
        Change(.interval) { $0.interval = .infinity },
        Change(.interval) { $0.interval = .nan },
        Change(.tooManySeries) { $0.series = Array(repeating: $0.series[0], count: 4097) },
    ]

    private static let connections = ReportProblem.value(MetricCatalogue.connections.name)
    private static let handshakes = ReportProblem.value(MetricCatalogue.handshakeTime.name)

    private static let badValues = [
        Change(connections) { $0.series[0].value = -1 },
        Change(connections) { $0.series[0].value = .infinity },
        Change(connections) { $0.series[0].value = nil },
        Change(handshakes) { $0.series[1].value = 1 },
        Change(handshakes) { $0.series[1].histogram = nil },
        Change(handshakes) { $0.series[1].histogram?.counts = [] },
        Change(handshakes) { $0.series[1].histogram?.counts.append(1) },
        Change(handshakes) { $0.series[1].histogram?.sum = .nan },
    ]

    @Test("a head out of its range is refused", arguments: badHeads)
    private func head(change: Change) {
        #expect(throws: change.problem) { _ = try check(change.apply) }
    }

    @Test("a value that cannot be refuses the whole report", arguments: badValues)
    private func values(change: Change) {
        #expect(throws: change.problem) { _ = try check(change.apply) }
    }

    @Test("names and labels outside the catalogue are left out and counted")
    func unknown() throws {
        let report = try check { report in
            var unknown = report.series[0]
            unknown.name = "made_up_total"
            var labelled = report.series[0]
            labelled.labels["user"] = "dev"
            report.series += [unknown, labelled]
        }
        #expect(report.dropped == 2)
        #expect(report.values.count == 2)
    }
}
