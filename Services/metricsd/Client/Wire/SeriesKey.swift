package import SharedModels

/// Names one series: a metric of the catalogue and the values of its labels.
package struct SeriesKey: Sendable, Hashable {
    package let name: String
    /// Sorted by name, no name twice.
    package let labels: [Label]

    package struct Label: Sendable, Hashable {
        package let name: String
        package let value: String
    }

    /// Longest label value that is kept, in bytes; the longest real one is a message code.
    package static let longestLabelValue = 64

    /// Builds the key of a series the catalogue allows; `nil` when a label is not among the
    /// definition's, appears twice, is empty, or has too long a value.
    package init?(_ definition: MetricDefinition, labels: [(String, String)]) {
        guard labels.count <= definition.labels.count else { return nil }
        for (name, value) in labels {
            guard definition.labels.contains(name) else { return nil }
            guard !value.isEmpty, value.utf8.count <= Self.longestLabelValue else { return nil }
        }
        let sorted = labels.sorted { $0.0 < $1.0 }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.0 == right.0 { return nil }
        name = definition.name
        self.labels = sorted.map { Label(name: $0.0, value: $0.1) }
    }
}
