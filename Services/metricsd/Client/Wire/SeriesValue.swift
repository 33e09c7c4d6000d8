package import SharedModels

/// What a series has come to since its process started.
package enum SeriesValue: Sendable, Hashable {
    /// A counter's total or a gauge's present value.
    case number(Double)
    case histogram(HistogramValue)

    /// The value of a series that has seen nothing yet.
    package init(startOf kind: MetricDefinition.Kind) {
        switch kind {
        case .counter, .gauge: self = .number(0)
        case .histogram(let bounds): self = .histogram(HistogramValue(boundCount: bounds.count))
        }
    }

    /// Adds another process's value of the same series; values of different shapes are left alone.
    package mutating func add(_ other: SeriesValue) {
        switch (self, other) {
        case (.number(let left), .number(let right)):
            self = .number(left + right)
        case (.histogram(var left), .histogram(let right)):
            left.add(right)
            self = .histogram(left)
        case (.number, .histogram), (.histogram, .number):
            break
        }
    }
}

/// Observations counted per bucket.
package struct HistogramValue: Sendable, Hashable, Codable {
    /// Observations in each bucket alone (not cumulative); the last is above every bound.
    package var counts: [UInt64]
    /// Sum of all observations.
    package var sum: Double

    package init(boundCount: Int) {
        counts = Array(repeating: 0, count: boundCount + 1)
        sum = 0
    }

    package var count: UInt64 { counts.reduce(0, &+) }

    /// Counts one observation; `bounds` are those the value was made for.
    package mutating func observe(_ value: Double, bounds: [Double]) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        guard value.isFinite, counts.indices.contains(bucket) else { return }
        counts[bucket] &+= 1
        sum += value
    }

    package mutating func add(_ other: HistogramValue) {
        guard counts.count == other.counts.count else { return }
        for index in counts.indices { counts[index] &+= other.counts[index] }
        sum += other.sum
    }
}
