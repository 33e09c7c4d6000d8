import Foundation
import SharedModels
import Testing

@Suite("docs/metrics.md") struct MetricsDocumentTests {
    @Test("the table is the catalogue: same metrics, same order, same text")
    func table() throws {
        let rows = try file("docs/metrics.md").split(separator: "\n")
            .filter { $0.hasPrefix("| `") }.map(String.init)
        #expect(rows == MetricCatalogue.all.map(row))
    }

    @Test("what daemons count is in the catalogue, or metricsd would refuse it")
    func counted() throws {
        let known = Set(MetricCatalogue.all.map(\.name))
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Services").standardizedFileURL
        let files = try #require(FileManager.default.enumerator(atPath: root.path))
        var counted: Set<String> = []
        for case let name as String in files where name.hasSuffix(".swift") {
            let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
            for match in text.matches(of: /label: "((?:berth|containerssh)_[a-z0-9_]+)"/) {
                counted.insert(String(match.1))
            }
        }
        #expect(counted.count > 20)
        #expect(counted.subtracting(known).isEmpty)
    }

    private func row(_ metric: MetricDefinition) -> String {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
        return "| `\(metric.name)` | \(metric.kind.name) | \(labels) | \(metric.help) |"
    }
}
