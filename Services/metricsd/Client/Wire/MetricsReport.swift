package import SharedHTTP

/// What a process tells metricsd, every interval: the totals since it started.
///
/// Totals instead of differences make a repeated or lost report harmless: metricsd keeps the last
/// one of each `(instance, epoch)` and adds them up.
package struct MetricsReport: Sendable, Hashable, Codable {
    /// The version of this format that we write.
    package static let currentVersion = 1

    package var version: Int
    /// The kind of process: `gateway`, `authd`, …
    package var daemon: String
    /// Names the process among its like and stays the same when it is started again.
    package var instance: String
    /// When the process started: milliseconds since 1970.
    package var epoch: Int64
    /// Grows with every report of the process; a report that arrives late is ignored.
    package var sequence: Int64
    /// Seconds between reports; after three of them without one the process counts as gone.
    package var interval: Double
    /// Whether this is the last report: the process has ended in good order.
    package var isFinal: Bool
    package var series: [ReportedSeries]
    /// What keeps the process from working, as its `/readyz` says; absent: not told.
    package var problems: [HealthReason]?

    package init(
        identity: ReporterIdentity,
        sequence: Int64,
        interval: Double,
        isFinal: Bool,
        series: [ReportedSeries],
        problems: [HealthReason]? = nil
    ) {
        self.problems = problems
        version = Self.currentVersion
        daemon = identity.daemon
        instance = identity.instance
        epoch = identity.epoch
        self.sequence = sequence
        self.interval = interval
        self.isFinal = isFinal
        self.series = series
    }

    private enum CodingKeys: String, CodingKey {
        case version, daemon, instance, epoch, sequence, interval, series, problems
        case isFinal = "final"
    }
}

/// One series of a report: `value` for counters and gauges, `histogram` for histograms.
package struct ReportedSeries: Sendable, Hashable, Codable {
    package var name: String
    package var labels: [String: String]
    package var value: Double?
    package var histogram: HistogramValue?

    package init(_ key: SeriesKey, _ value: SeriesValue) {
        name = key.name
        labels = Dictionary(key.labels.map { ($0.name, $0.value) }) { first, _ in first }
        switch value {
        case .number(let number): self.value = number
        case .histogram(let histogram): self.histogram = histogram
        }
    }
}
