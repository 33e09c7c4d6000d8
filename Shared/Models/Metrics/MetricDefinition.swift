/// One metric of the catalogue: what it is called, what it counts, and which labels it may carry.
///
/// A name or label outside the catalogue is never stored, so that the number of series stays small
/// whatever a peer sends.
package struct MetricDefinition: Sendable, Hashable {
    /// How values of a metric behave over time.
    package enum Kind: Sendable, Hashable {
        /// Only grows; the name ends in `_total`.
        case counter
        /// Goes up and down.
        case gauge
        /// Observations sorted into buckets with these upper bounds, ascending; one more bucket
        /// above the last bound is implied.
        case histogram(bounds: [Double])
    }

    package let name: String
    package let kind: Kind
    /// A suffix of the name (OpenMetrics 1.0, "Unit").
    package let unit: String
    /// One line, without a line break.
    package let help: String
    /// Every label a sample of this metric may have.
    package let labels: [String]

    package init(_ name: String, _ kind: Kind, unit: String, help: String, labels: [String] = []) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
        self.labels = labels
    }
}

extension MetricDefinition.Kind {
    /// The word in the exposition's TYPE line.
    package var name: String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}
