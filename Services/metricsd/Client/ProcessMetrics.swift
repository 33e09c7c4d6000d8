package import CoreMetrics
package import Logging
import Metrics
package import SharedConfig
package import SharedHTTP
package import SharedMessages

/// The metrics of one process: makes them, and the service that reports them to metricsd.
package struct ProcessMetrics: Sendable {
    package let factory: any MetricsFactory
    private let registry: MetricsRegistry
    private let daemon: String

    /// Installs itself as the process's metrics system: to be called once, first.
    package static func install(daemon: String) -> ProcessMetrics {
        let metrics = ProcessMetrics(daemon: daemon)
        MetricsSystem.bootstrap(metrics.factory)
        return metrics
    }

    private init(daemon: String) {
        self.daemon = daemon
        registry = MetricsRegistry(daemon: daemon)
        factory = PushMetricsFactory(registry: registry)
    }

    /// Reports to the metricsd of the configuration; `nil` when none is configured. `listen` is
    /// the address that tells this process from others of its machine, `health` what it tells of
    /// itself besides; `measure` is called before each report and writes what nobody counts when it
    /// happens. Reads certificate files.
    package func reporter(
        _ config: MetricsPushConfig,
        listen: String,
        health: HealthRegistry? = nil,
        measure: @escaping @Sendable () -> Void = {},
        logger: Logger
    ) throws(CodedError) -> MetricsReporter<ContinuousClock>? {
        try MetricsReporter.make(
            config,
            registry: registry,
            identity: .ofThisProcess(daemon: daemon, listen: listen),
            health: health,
            measure: measure,
            logger: logger
        )
    }
}
