package import Logging
package import MetricsClient
import SharedLogging
import SharedSSH

/// Tells the log and the metrics how a connection ended.
package struct DisconnectReport: Sendable {
    let metrics: GatewayMetrics
    let logger: Logger

    package init(metrics: GatewayMetrics, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
    }

    /// Once for each connection, also for those that never got a handler.
    package func report(_ disconnect: Disconnect, _ labels: Logger.Metadata = [:]) {
        metrics.disconnected(reason: disconnect.reason.name, side: disconnect.side.rawValue)
        logger.emit(
            disconnect.reason.code,
            labels.merging([
                "side": "\(disconnect.side.rawValue)",
                "reasonCode": .stringConvertible(disconnect.reason.rawValue),
                "text": "\(disconnect.text)",
            ]) { $1 }
        )
    }
}
