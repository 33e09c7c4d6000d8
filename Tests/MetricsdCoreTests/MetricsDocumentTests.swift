import SharedModels
import Testing

@Suite("docs/metrics.md") struct MetricsDocumentTests {
    @Test("the table is the catalogue: same metrics, same order, same text")
    func table() throws {
        let rows = try file("docs/metrics.md").split(separator: "\n")
            .filter { $0.hasPrefix("| `") }.map(String.init)
        #expect(rows == MetricCatalogue.all.map(row))
    }

    private func row(_ metric: MetricDefinition) -> String {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
        return "| `\(metric.name)` | \(metric.kind.name) | \(labels) | \(metric.help) |"
    }
}
