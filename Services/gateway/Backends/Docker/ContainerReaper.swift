import Foundation
import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import Synchronization

/// Removes containers whose lease is over: what a gateway left that died between creating and
/// starting one, and stopped ones that the engine was told to keep.
final class ContainerReaper: Sendable {
    /// Leases are minutes long.
    private static let interval = Duration.seconds(60)

    private let engine: EngineClient
    private let logger: Logger
    private let lastSweep = Mutex<ContinuousClock.Instant?>(nil)

    init(engine: EngineClient, logger: Logger) {
        self.engine = engine
        self.logger = logger
    }

    /// Starts a sweep in the background if the last one is long enough ago.
    func sweepWhenDue() {
        let now = ContinuousClock.now
        let isDue = lastSweep.withLock { last in
            if let last, now - last < Self.interval { return false }
            last = now
            return true
        }
        // Nobody waits for it; each of its calls has a time limit.
        if isDue { Task { await self.sweep() } }
    }

    func sweep() async {
        do {
            let now = Date().timeIntervalSince1970
            for container in try await engine.containers(labels: [ContainerLease.leaseLabel]) {
                let age = Duration.seconds(now - Double(container.created))
                guard
                    ContainerLease.isOver(
                        state: container.state,
                        age: age,
                        labels: container.labels
                    )
                else { continue }
                await remove(container)
            }
        } catch {
            logger.emit(.dockerContainerRemoveFailed, ["reason": "\(error)"])
        }
    }

    private func remove(_ container: ContainerSummary) async {
        let connection = container.labels[ContainerLease.connectionLabel] ?? ""
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(connection)"
        await ContainerRemover(engine: engine, limit: .seconds(60), logger: logger)
            .remove(container.id)
    }
}
