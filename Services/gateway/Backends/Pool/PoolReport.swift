package import Logging
package import MetricsClient
import SharedLogging
import SharedMessages

/// Tells the log and the metrics what happens in a backend's pool.
package struct PoolReport: Sendable {
    private let backend: String
    private let metrics: GatewayMetrics
    private let logger: Logger

    package init(backend: String, metrics: GatewayMetrics, logger: Logger) {
        self.backend = backend
        self.metrics = metrics
        self.logger = logger
        metrics.poolWaits(backend, 0)
    }

    package func callAsFunction(_ event: PoolEvent) {
        switch event {
        case .hit(let key):
            metrics.poolHit(backend)
            emit(.poolHit, key)
        case .miss(let key):
            metrics.poolMissed(backend)
            emit(.poolMiss, key)
        case .filled(let key, let duration):
            emit(.poolFilled, key, ["duration": "\(duration)"])
        case .fillFailed(let key, let error, let retry):
            metrics.poolFailed(backend)
            emit(.poolFillFailed, key, ["reason": "\(error)", "retry": "\(retry)"])
        case .discarded(let key): emit(.poolDiscarded, key)
        case .waiting(let number): metrics.poolWaits(backend, number)
        }
    }

    private func emit(_ code: MessageCode, _ key: PoolKey, _ labels: Logger.Metadata = [:]) {
        let own: Logger.Metadata = ["backend": "\(backend)", "pool": "\(key)"]
        logger.emit(code, own.merging(labels) { _, new in new })
    }
}
