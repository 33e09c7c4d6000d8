import CoreMetrics
import SharedModels
import Synchronization

/// The running value of one series; every handler of that series shares it.
final class SeriesCell: Sendable {
    private let kind: MetricDefinition.Kind
    private let state: Mutex<SeriesValue>

    init(kind: MetricDefinition.Kind) {
        self.kind = kind
        state = Mutex(SeriesValue(startOf: kind))
    }

    var value: SeriesValue { state.withLock { $0 } }

    private func add(_ amount: Double) {
        guard amount.isFinite else { return }
        state.withLock { $0.add(.number(amount)) }
    }

    private func replace(_ amount: Double) {
        guard case .gauge = kind, amount.isFinite else { return }
        state.withLock { $0 = .number(amount) }
    }

    private func observe(_ amount: Double) {
        guard case .histogram(let bounds) = kind else { return }
        state.withLock { state in
            guard case .histogram(var histogram) = state else { return }
            histogram.observe(amount, bounds: bounds)
            state = .histogram(histogram)
        }
    }
}

extension SeriesCell: CounterHandler, FloatingPointCounterHandler {
    func increment(by amount: Int64) { increment(by: Double(amount)) }

    /// Counts for counters and gauges alike; a counter never goes down.
    func increment(by amount: Double) {
        if case .counter = kind, amount < 0 { return }
        add(amount)
    }

    /// Does nothing: totals that metricsd adds up must not shrink.
    func reset() {}
}

extension SeriesCell: MeterHandler {
    func set(_ value: Int64) { replace(Double(value)) }
    func set(_ value: Double) { replace(value) }

    func decrement(by amount: Double) {
        guard case .gauge = kind else { return }
        add(-amount)
    }
}

extension SeriesCell: RecorderHandler {
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        switch kind {
        case .histogram: observe(value)
        case .gauge: replace(value)
        case .counter: break
        }
    }
}

extension SeriesCell: TimerHandler {
    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1_000_000_000) }
}
