import Foundation
package import Logging
import MetricsClient
import SharedLogging
package import SharedMessages
import Synchronization

/// The ledger as a running daemon holds it: one lock, the clock, and a sparse log.
///
/// The lock is held for one report or one scrape and never across a suspension.
package final class MetricsBoard: Sendable {
    private struct State {
        var ledger: MetricsLedger
        var lastSaid: [MessageCode: ContinuousClock.Instant] = [:]
    }

    /// Time in which a refusal is logged at most once per code, so that a peer that sends nonsense
    /// cannot fill the log.
    static let logPause: Duration = .seconds(60)

    private let state: Mutex<State>
    private let logger: Logger

    package init(limits: MetricsLedger.Limits = .init(), logger: Logger) {
        state = Mutex(State(ledger: MetricsLedger(limits: limits)))
        self.logger = logger
    }

    /// Takes the body of a report.
    ///
    /// Throws a `ReportRefusal` when nothing of it was counted. A report older than what is known
    /// is no error: its sender has nothing to do.
    package func receive(_ body: [UInt8]) throws(ReportRefusal) {
        let report = try decode(body)
        let now = ContinuousClock.now
        let labels: Logger.Metadata = [
            "daemon": "\(report.daemon)", "instance": "\(report.instance)",
        ]
        switch state.withLock({ $0.ledger.receive(report, at: now) }) {
        case .accepted(dropped: 0), .outdated:
            break
        case .accepted(let dropped):
            let count: Logger.Metadata = ["dropped": .stringConvertible(dropped)]
            say(.metricsdSeriesDropped, labels.merging(count) { $1 })
        case .closed:
            throw refuse(.metricsdReportStale, labels)
        case .full:
            throw refuse(.metricsdFull, labels)
        }
    }

    /// Every metric as it is now.
    package func families() -> [MetricFamily] {
        state.withLock { $0.ledger.families(at: .now) }
    }

    /// Every process as it is now.
    package func instances() -> [SuiteInstance] {
        state.withLock { $0.ledger.processes(at: .now) }
    }

    // MARK: - Private

    private func decode(_ body: [UInt8]) throws(ReportRefusal) -> CheckedReport {
        do {
            let report = try JSONDecoder().decode(MetricsReport.self, from: Data(body))
            return try CheckedReport(report)
        } catch let problem as ReportProblem {
            throw refuse(.metricsdReportInvalid, ["problem": "\(problem)"])
        } catch {
            throw refuse(.metricsdReportInvalid, ["problem": "not JSON of a report's shape"])
        }
    }

    private func refuse(_ code: MessageCode, _ labels: Logger.Metadata) -> ReportRefusal {
        say(code, labels)
        return ReportRefusal(code: code, problem: labels["problem"].map { "\($0)" })
    }

    private func say(_ code: MessageCode, _ labels: Logger.Metadata) {
        let now = ContinuousClock.now
        let isDue = state.withLock { state in
            if let last = state.lastSaid[code], now - last < Self.logPause { return false }
            state.lastSaid[code] = now
            return true
        }
        if isDue { logger.emit(code, labels) }
    }
}

/// Why a report was not counted.
package struct ReportRefusal: Error, Sendable {
    package let code: MessageCode
    /// The rule it breaks, when there is one.
    package let problem: String?
}
