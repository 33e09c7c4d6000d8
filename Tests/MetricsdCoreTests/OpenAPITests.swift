import Foundation
import MetricsClient
import SharedModels
import Testing
import Yams

@testable import MetricsdCore

/// The published description against the code it describes.
@Suite("docs/openapi/metricsd.yaml") struct OpenAPITests {
    private let document: Node

    init() throws {
        document = try #require(try Yams.compose(yaml: file("docs/openapi/metricsd.yaml")))
    }

    private func schema(_ name: String) throws -> Node {
        try #require(document["components"]?["schemas"]?[name])
    }

    private func keys(_ node: Node?) -> Set<String> {
        Set(node?.mapping?.keys.compactMap(\.string) ?? [])
    }

    private func json(_ value: some Encodable) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
        return try #require(object as? [String: Any])
    }

    @Test("the fields of a report are those that the code writes")
    func reportFields() throws {
        var report = try Report(connections: 1, seconds: [1]).wire()
        report.problems = []
        #expect(Set(try json(report).keys) == keys(try schema("MetricsReport")["properties"]))
        let series = try report.series.map { try json($0) }
        let written = series.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
        #expect(written == keys(try schema("ReportedSeries")["properties"]))
        let histogram = try json(HistogramValue(boundCount: 1))
        #expect(Set(histogram.keys) == keys(try schema("HistogramValue")["properties"]))
    }

    @Test("the limits are those that the code checks")
    func limits() throws {
        let fields = try #require(try schema("MetricsReport")["properties"])
        #expect(fields["version"]?["const"]?.int == MetricsReport.currentVersion)
        let daemons = fields["daemon"]?["enum"]?.array().compactMap(\.string)
        #expect(daemons == CheckedReport.daemons.sorted())
        #expect(fields["instance"]?["maxLength"]?.int == CheckedReport.longestInstance)
        #expect(fields["interval"]?["minimum"]?.float == CheckedReport.intervals.lowerBound)
        #expect(fields["interval"]?["maximum"]?.float == CheckedReport.intervals.upperBound)
        #expect(fields["series"]?["maxItems"]?.int == MetricsRoutes.mostSeries)
        let labels = try schema("ReportedSeries")["properties"]?["labels"]?["additionalProperties"]
        #expect(labels?["maxLength"]?.int == SeriesKey.longestLabelValue)
        let report = document["paths"]?[MetricsRoutes.report]?["post"]
        let text = try #require(report?["description"]?.string)
        #expect(text.contains("\(MetricsRoutes.longestReport) bytes"))
        // A quoted number is no key that the subscript finds.
        let full = report?["responses"]?.mapping?.first { $0.key.string == "503" }?
            .value["description"]?.string
        #expect(full?.contains("\(MetricsLedger.Limits().sources) processes") == true)
    }

    @Test("the paths and status codes are those of the routes")
    func paths() {
        let paths: Set = [
            MetricsRoutes.report, MetricsRoutes.country, MetricsRoutes.suite, "/metrics",
            "/healthz", "/readyz",
        ]
        #expect(keys(document["paths"]) == paths)
        let answers = document["paths"]?[MetricsRoutes.report]?["post"]?["responses"]
        #expect(keys(answers) == ["204", "400", "409", "413", "503"])
        let country = document["paths"]?[MetricsRoutes.country]?["get"]?["responses"]
        #expect(keys(country) == ["200", "400"])
    }
}

/// The text of a file of the project, named from its root.
func file(_ path: String) throws -> String {
    let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    return try String(contentsOf: root.appending(path: path), encoding: .utf8)
}
