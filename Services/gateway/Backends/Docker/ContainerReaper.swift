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
    private let lasting: LastingContainers?
    private let logger: Logger
    private let loop = Mutex<Task<Void, Never>?>(nil)
    private let lastSweep = Mutex<ContinuousClock.Instant?>(nil)

    /// `lasting` is told of containers that people keep, so that unused ones are stopped.
    init(engine: EngineClient, lasting: LastingContainers? = nil, logger: Logger) {
        self.engine = engine
        self.lasting = lasting
        self.logger = logger
    }

    /// Starts a sweep in the background if the last one is long enough ago.
    func sweepWhenDue() {
        // Nobody waits for it; each of its calls has a time limit.
        if isDue() { Task { await self.sweep() } }
    }

    private func sweepIfDue() async {
        if isDue() { await sweep() }
    }

    private func isDue() -> Bool {
        let now = ContinuousClock.now
        return lastSweep.withLock { last in
            if let last, now - last < Self.interval { return false }
            last = now
            return true
        }
    }

    /// Sweeps now and every minute, as long as this reaper is there.
    func start() {
        loop.withLock { loop in
            guard loop == nil else { return }
            loop = Task { [weak self] in
                // Not held while it sleeps.
                while self != nil {
                    await self?.sweepIfDue()
                    // Cancelled: the reaper is gone.
                    guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
                }
            }
        }
    }

    deinit { loop.withLock { $0?.cancel() } }

    func sweep() async {
        do {
            let now = Date().timeIntervalSince1970
            for container in try await engine.overdueContainers(now: now) {
                await remove(container)
            }
            guard let lasting else { return }
            for container in try await engine.listContainers(label: ContainerLease.idleLabel)
            where container.state == "running" {
                await lasting.seen(container)
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
