package import MetricsClient
import SharedHTTP
import SharedModels

/// A report whose every value is possible; the only kind the ledger takes.
package struct CheckedReport: Sendable {
    package let daemon: String
    package let instance: String
    package let epoch: Int64
    package let sequence: Int64
    package let interval: Duration
    package let isFinal: Bool
    /// In the order of the report; a series named twice keeps its last value.
    package let values: [(SeriesKey, SeriesValue)]
    /// What the process says keeps it from working, in lines fit for a page.
    package let problems: [String]
    /// Series left out because the catalogue has no such name or label.
    package let dropped: Int

    /// Longest instance name in bytes: a host name (255) and a port.
    package static let longestInstance = 300
    /// The processes that report; anything else is refused, which bounds the label `daemon`.
    package static let daemons: Set<String> = ["gateway", "authd", "configd", "auditd"]
    /// Seconds between reports.
    package static let intervals = 0.1...3600

    /// Most problems that are kept of a report, and the most characters of one.
    static let mostProblems = 16
    static let longestProblem = 200

    /// Checks `report`; the problem thrown says which rule it breaks.
    package init(_ report: MetricsReport) throws(ReportProblem) {
        guard report.version == MetricsReport.currentVersion else { throw .version }
        guard Self.daemons.contains(report.daemon) else { throw .daemon }
        guard (1...Self.longestInstance).contains(report.instance.utf8.count) else {
            throw .instance
        }
        guard report.epoch > 0, report.sequence > 0 else { throw .order }
        guard Self.intervals.contains(report.interval) else { throw .interval }
        guard report.series.count <= MetricsRoutes.mostSeries else { throw .tooManySeries }
        var values: [(SeriesKey, SeriesValue)] = []
        var dropped = 0
        for series in report.series {
            if let value = try Self.check(series) { values.append(value) } else { dropped += 1 }
        }
        problems = (report.problems ?? []).prefix(Self.mostProblems).map { problem in
            String("\(problem.name): \(problem.reason)".prefix(Self.longestProblem))
                .filter { !$0.isNewline }
        }
        daemon = report.daemon
        instance = report.instance
        epoch = report.epoch
        sequence = report.sequence
        interval = .seconds(report.interval)
        isFinal = report.isFinal
        self.values = values
        self.dropped = dropped
    }

    private static func check(
        _ series: ReportedSeries
    ) throws(ReportProblem) -> (SeriesKey, SeriesValue)? {
        guard let definition = MetricCatalogue.definition(of: series.name),
            let key = SeriesKey(definition, labels: series.labels.map { ($0.key, $0.value) })
        else { return nil }
        switch definition.kind {
        case .counter, .gauge:
            guard let value = series.value, series.histogram == nil, value.isFinite,
                definition.kind == .gauge || value >= 0
            else { throw .value(series.name) }
            return (key, .number(value))
        case .histogram(let bounds):
            guard let histogram = series.histogram, series.value == nil, histogram.sum.isFinite,
                histogram.counts.count == bounds.count + 1
            else { throw .value(series.name) }
            return (key, .histogram(histogram))
        }
    }
}

/// The rule that a report breaks.
package enum ReportProblem: Error, Sendable, Hashable {
    case version, daemon, instance, order, interval, tooManySeries
    /// The value of that metric cannot be.
    case value(String)
}

extension ReportProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .version: "version: must be \(MetricsReport.currentVersion)"
        case .daemon: "daemon: must be one of \(CheckedReport.daemons.sorted())"
        case .instance: "instance: must have 1...\(CheckedReport.longestInstance) bytes"
        case .order: "epoch and sequence: must be positive"
        case .interval: "interval: must be in \(CheckedReport.intervals)"
        case .tooManySeries: "series: must be at most \(MetricsRoutes.mostSeries)"
        case .value(let name): "series \(name): has an impossible value"
        }
    }
}
