package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages

extension CircuitBreaker {
    package convenience init(_ config: BreakerConfig) {
        self.init(failures: config.failures, pause: config.pause)
    }
}

extension Logger {
    /// Says that a webhook is left alone, or answers again; nothing if nothing has changed.
    package func emit(
        _ change: CircuitBreaker.Change,
        _ labels: Logger.Metadata,
        pause: Duration
    ) {
        switch change {
        case .none: break
        case .opened:
            emit(.webhookPaused, labels.merging(["pause": .string(pause.goText)]) { $1 })
        case .closed: emit(.webhookResumed, labels)
        }
    }
}
