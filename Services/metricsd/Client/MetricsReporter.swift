package import Logging
import ServiceLifecycle
package import SharedHTTP
import SharedLogging
import SharedMessages

/// Sends the totals of this process to metricsd every interval, and once more at the end.
///
/// When metricsd cannot be reached nothing else changes: the totals go on in memory, bounded by the
/// registry, and the next report that arrives carries them. It is said once in the log, and once
/// more when reports arrive again. The final report of a graceful end has one try.
package struct MetricsReporter<Time: Clock<Duration>>: Service {
    /// Delivers one report; throws when metricsd did not take it. It has a deadline of its own.
    package typealias Send = @Sendable (MetricsReport) async throws -> Void

    /// What keeps the process from working now.
    package typealias Problems = @Sendable () async -> [HealthReason]?

    /// Writes into the registry what nobody counts when it happens.
    package typealias Measure = @Sendable () -> Void

    private let registry: MetricsRegistry
    private let identity: ReporterIdentity
    private let interval: Duration
    private let clock: Time
    private let logger: Logger
    private let send: Send
    private let problems: Problems
    private let measure: Measure

    package init(
        registry: MetricsRegistry,
        identity: ReporterIdentity,
        interval: Duration,
        clock: Time,
        logger: Logger,
        problems: @escaping Problems = { nil },
        measure: @escaping Measure = {},
        send: @escaping Send
    ) {
        self.problems = problems
        self.measure = measure
        self.registry = registry
        self.identity = identity
        self.interval = interval
        self.clock = clock
        self.logger = logger
        self.send = send
    }

    package func run() async throws {
        let progress = await cancelWhenGracefulShutdown { await reportUntilCancelled() }
        guard !Task.isCancelled else { return }
        _ = await report(after: progress, isFinal: true)
    }

    private func reportUntilCancelled() async -> ReportProgress {
        var progress = ReportProgress()
        while true {
            progress = await report(after: progress, isFinal: false)
            do {
                try await clock.sleep(for: interval)
            } catch {
                return progress
            }
        }
    }

    private func report(after progress: ReportProgress, isFinal: Bool) async -> ReportProgress {
        var progress = progress
        measure()
        let report = MetricsReport(
            identity: identity,
            sequence: progress.nextSequence(),
            interval: interval / .seconds(1),
            isFinal: isFinal,
            series: registry.snapshot(),
            problems: isFinal ? nil : await problems()
        )
        do {
            try await send(report)
            if progress.succeeded() { logger.emit(.metricsReportRecovered) }
        } catch {
            // A report that the end of this process cut short says nothing about metricsd.
            guard !Task.isCancelled else { return progress }
            if progress.failed() { logger.emit(.metricsReportFailed, ["error": "\(error)"]) }
        }
        return progress
    }
}

/// Where a reporter stands between two reports.
struct ReportProgress: Sendable {
    private var sequence: Int64 = 0
    private var isFailing = false

    mutating func nextSequence() -> Int64 {
        sequence += 1
        return sequence
    }

    /// Notes a delivered report; true when the one before was not.
    mutating func succeeded() -> Bool {
        defer { isFailing = false }
        return isFailing
    }

    /// Notes an undelivered report; true when the one before was delivered.
    mutating func failed() -> Bool {
        defer { isFailing = true }
        return !isFailing
    }
}
