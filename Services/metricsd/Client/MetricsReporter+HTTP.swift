package import Logging
package import SharedConfig
package import SharedHTTP
package import SharedMessages
import SharedModels

extension MetricsReporter where Time == ContinuousClock {
    /// A reporter that sends to the metricsd of the configuration; `nil` when none is configured.
    ///
    /// Each call ends within the timeout of the section. Reads the certificate files the section
    /// names, so it blocks; call it at start-up. Throws a `CodedError` when those cannot be used.
    package static func make(
        _ config: MetricsPushConfig,
        registry: MetricsRegistry,
        identity: ReporterIdentity,
        health: HealthRegistry? = nil,
        measure: @escaping Measure = {},
        logger: Logger
    ) throws(CodedError) -> MetricsReporter? {
        guard !config.client.url.isEmpty else { return nil }
        let client = try HTTPClient(try HTTPClientOptions(config.client), logger: logger)
        return MetricsReporter(
            registry: registry,
            identity: identity,
            interval: config.interval,
            clock: ContinuousClock(),
            logger: logger,
            problems: { await health?.reasons() },
            measure: measure
        ) { report in
            let reply = try await client.send(.json(.post, MetricsRoutes.report, report))
            guard !reply.isSuccess else { return }
            let reason = reply.refusal.map { "\($0.code): \($0.message)" } ?? "no reason given"
            throw CodedError(.metricsReportFailed, detail: "status \(reply.status), \(reason)")
        }
    }
}
