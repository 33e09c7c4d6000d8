package import CoreMetrics
import SharedModels

/// A swift-metrics back end that adds up in this process what `MetricsReporter` then sends.
///
/// Only the metrics of `MetricCatalogue` are kept; any other label, and every series beyond the
/// bound, is counted as dropped and its handler does nothing.
package struct PushMetricsFactory: MetricsFactory {
    package let registry: MetricsRegistry

    package init(registry: MetricsRegistry) { self.registry = registry }

    package func makeCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any CounterHandler {
        guard let cell = registry.cell(label, dimensions, accepting: \.isCounter) else {
            return NOOPMetricsHandler.instance
        }
        return cell
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        guard let cell = registry.cell(label, dimensions, accepting: \.isCounter) else {
            return NOOPMetricsHandler.instance
        }
        return cell
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        guard let cell = registry.cell(label, dimensions, accepting: \.isGauge) else {
            return NOOPMetricsHandler.instance
        }
        return cell
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        let accepted: (MetricDefinition.Kind) -> Bool = aggregate ? \.isHistogram : \.isGauge
        guard let cell = registry.cell(label, dimensions, accepting: accepted) else {
            return NOOPMetricsHandler.instance
        }
        return cell
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        guard let cell = registry.cell(label, dimensions, accepting: \.isHistogram) else {
            return NOOPMetricsHandler.instance
        }
        return cell
    }

    // Totals outlive the handlers that counted them.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}

extension MetricDefinition.Kind {
    fileprivate var isCounter: Bool { self == .counter }
    fileprivate var isGauge: Bool { self == .gauge }
    fileprivate var isHistogram: Bool { !isCounter && !isGauge }
}
