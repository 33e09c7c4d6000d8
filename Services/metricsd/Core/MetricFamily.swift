package import MetricsClient
package import SharedModels

/// A metric with the samples it has now.
package struct MetricFamily: Sendable, Hashable {
    package let definition: MetricDefinition
    package let samples: [Sample]

    package struct Sample: Sendable, Hashable {
        package let key: SeriesKey
        package let value: SeriesValue

        package init(_ key: SeriesKey, _ value: SeriesValue) {
            self.key = key
            self.value = value
        }
    }

    package init(definition: MetricDefinition, samples: [Sample]) {
        self.definition = definition
        self.samples = samples
    }
}
