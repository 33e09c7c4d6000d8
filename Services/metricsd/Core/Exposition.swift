import Foundation
import MetricsClient
import SharedModels

/// Writes metrics as text for a scraper.
package enum Exposition: Sendable {
    /// OpenMetrics 1.0, with the names of ContainerSSH in the TYPE lines.
    case openMetrics
    /// The Prometheus text format 0.0.4: the same without units and end mark.
    case prometheus

    package var contentType: String {
        switch self {
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        }
    }

    /// The format for a request's `Accept` header: OpenMetrics unless only plain text is asked for.
    package init(accepting header: String?) {
        let accepted = (header ?? "").lowercased()
        let wantsText = accepted.contains("text/plain")
        let takesOpenMetrics =
            accepted.contains("application/openmetrics-text") || accepted.contains("application/*")
        self = wantsText && !takesOpenMetrics ? .prometheus : .openMetrics
    }

    /// The whole body.
    package func text(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families {
            writeHead(of: family.definition, to: &text)
            for sample in family.samples { write(sample, of: family.definition, to: &text) }
        }
        if self == .openMetrics { text += "# EOF\n" }
        return text
    }

    // MARK: - Private

    private func writeHead(of definition: MetricDefinition, to text: inout String) {
        let name = definition.name
        text += "# HELP \(name) \(Self.escapedHelp(definition.help))\n"
        if self == .openMetrics { text += "# UNIT \(name) \(definition.unit)\n" }
        text += "# TYPE \(name) \(definition.kind.name)\n"
    }

    private func write(
        _ sample: MetricFamily.Sample,
        of definition: MetricDefinition,
        to text: inout String
    ) {
        let name = definition.name
        let labels = sample.key.labels.map { (name: $0.name, value: $0.value) }
        switch (sample.value, definition.kind) {
        case (.number(let number), _):
            text += "\(name)\(Self.labels(labels)) \(Self.decimal(number))\n"
        case (.histogram(let histogram), .histogram(let bounds)):
            var count: UInt64 = 0
            let limits = bounds.map { "\($0)" } + ["+Inf"]
            for (limit, bucket) in zip(limits, histogram.counts) {
                count &+= bucket
                let labels = Self.labels(labels + [(name: "le", value: limit)])
                text += "\(name)_bucket\(labels) \(Self.decimal(Double(count)))\n"
            }
            text += "\(name)_sum\(Self.labels(labels)) \(Self.decimal(histogram.sum))\n"
            text += "\(name)_count\(Self.labels(labels)) \(Self.decimal(Double(count)))\n"
        case (.histogram, .counter), (.histogram, .gauge):
            break
        }
    }

    private static func labels(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let parts = labels.map { "\($0.name)=\"\(escapedValue($0.value))\"" }
        return "{" + parts.joined(separator: ",") + "}"
    }

    /// Six decimals, as ContainerSSH prints every value.
    private static func decimal(_ value: Double) -> String { String(format: "%.6f", value) }

    private static func escapedValue(_ value: String) -> String {
        escapedHelp(value).replacing("\"", with: "\\\"")
    }

    private static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }
}
