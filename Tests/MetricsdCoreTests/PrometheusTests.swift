import ChildProcess
import Foundation
import MetricsClient
import SharedModels
import Testing

@testable import MetricsdCore

/// What operators get for Prometheus and Grafana, against the catalogue and promtool.
@Suite("Prometheus and Grafana", .timeLimit(.minutes(5)))
struct PrometheusTests {
    private static let promtool = "/usr/bin/promtool"
    private static var hasPromtool: Bool {
        FileManager.default.isExecutableFile(atPath: promtool)
    }

    private func promtool(
        _ arguments: [String],
        input: String = ""
    ) async throws -> (status: Int32, text: String) {
        // A shell feeds it, so that no pipe has to be written to.
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "promtool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // what is left is temporary
        let file = folder.appending(path: "input").path(percentEncoded: false)
        try input.write(toFile: file, atomically: true, encoding: .utf8)
        let rules = root.appending(path: "deploy/prometheus").path(percentEncoded: false)
        let command = ([Self.promtool] + arguments).joined(separator: " ")
        let script = "cd '\(rules)' && \(command) <'\(file)' 2>&1"
        let end = try await ChildProcess.run("/bin/sh", ["-c", script])
        return (end.status, end.output)
    }

    private var root: URL {
        URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    }

    @Test("promtool finds nothing wrong with the metrics", .enabled(if: hasPromtool))
    func metrics() async throws {
        // One series of every metric, so that each is looked at.
        var ledger = MetricsLedger()
        let series = MetricCatalogue.all.compactMap { definition -> ReportedSeries? in
            let labels = definition.labels.map { ($0, $0 == "country" ? "DE" : "x") }
            guard let key = SeriesKey(definition, labels: labels) else { return nil }
            switch definition.kind {
            case .counter, .gauge: return ReportedSeries(key, .number(1))
            case .histogram(let bounds):
                var histogram = HistogramValue(boundCount: bounds.count)
                histogram.observe(0.5, bounds: bounds)
                return ReportedSeries(key, .histogram(histogram))
            }
        }
        #expect(series.count == MetricCatalogue.all.count)
        var report = try Report().wire()
        report.series = series
        _ = ledger.receive(try CheckedReport(report), at: .now)
        let text = Exposition.prometheus.text(ledger.families(at: .now))
        let check = try await promtool(["check", "metrics"], input: text)
        #expect(check.text.isEmpty)
        #expect(check.status == 0)
    }

    @Test("the rules are right, and fire when they should", .enabled(if: hasPromtool))
    func rules() async throws {
        let check = try await promtool(["check", "rules", "berth.rules.yml"])
        #expect(check.status == 0, "\(check.text)")
        let test = try await promtool(["test", "rules", "berth.rules.test.yml"])
        #expect(test.status == 0, "\(test.text)")
    }

    @Test("every alert has a test")
    func alerts() throws {
        let rules = try file("deploy/prometheus/berth.rules.yml")
        let tests = try file("deploy/prometheus/berth.rules.test.yml")
        let alerts = rules.matches(of: /alert: (\w+)/).map { String($0.1) }
        #expect(alerts.count > 5)
        for alert in alerts { #expect(tests.contains("alertname: \(alert)"), "\(alert)") }
    }

    @Test(
        "rules and dashboard ask for metrics that there are",
        arguments: ["deploy/prometheus/berth.rules.yml", "deploy/grafana/berth.json"]
    )
    func names(path: String) throws {
        let text = try file(path)
        let rules = try file("deploy/prometheus/berth.rules.yml")
        var known = Set(rules.matches(of: /record: (\S+)/).map { String($0.1) })
        for definition in MetricCatalogue.all {
            if case .histogram = definition.kind {
                known.formUnion(["_bucket", "_sum", "_count"].map { definition.name + $0 })
            }
            known.insert(definition.name)
        }
        let used = text.matches(of: /\b(?:(?:berth|containerssh)_[a-z0-9_]+|berth:[a-z0-9_:]+)/)
            .map { String($0.output) }
        #expect(used.count > 15)
        for name in Set(used) { #expect(known.contains(name), "\(name)") }
    }

    @Test("the dashboard is a dashboard, whose panels all ask something")
    func dashboard() throws {
        struct Dashboard: Decodable {
            struct Panel: Decodable {
                struct Target: Decodable { var expr: String }
                var id: Int
                var title: String
                var targets: [Target]
            }
            var uid: String
            var panels: [Panel]
        }
        let data = Data(try file("deploy/grafana/berth.json").utf8)
        let board = try JSONDecoder().decode(Dashboard.self, from: data)
        #expect(Set(board.panels.map(\.id)).count == board.panels.count)
        #expect(board.panels.allSatisfy { !$0.title.isEmpty && !$0.targets.isEmpty })
    }
}
