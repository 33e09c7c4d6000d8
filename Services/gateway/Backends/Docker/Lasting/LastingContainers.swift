import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting

/// The containers of the mode `persistent`, of which this gateway knows who uses them.
actor LastingContainers {
    private let engine: EngineClient
    private let ending: ContainerEnding
    private let logger: Logger
    private var openings: [String: Latch<String>] = [:]
    private var uses: [String: Int] = [:]
    private var timers: [String: Task<Void, Never>] = [:]

    init(engine: EngineClient, ending: ContainerEnding, logger: Logger) {
        self.engine = engine
        self.ending = ending
        self.logger = logger
    }

    /// The id of the container that `opening` finds or makes. Callers at the same time share one
    /// opening, which goes on when one of them leaves.
    func id(of opening: LastingOpening) async throws -> String {
        let name = opening.spec.name
        if let running = openings[name] { return try await running.value() }
        let latch = Latch<String>()
        openings[name] = latch
        // Bounded by the opening's own deadline.
        Task {
            do {
                latch.settle(.success(try await opening.run()))
            } catch {
                latch.settle(.failure(error))
            }
            openings[name] = nil
        }
        return try await latch.value()
    }

    // MARK: - Use

    func began(_ id: String) {
        uses[id, default: 0] += 1
        timers.removeValue(forKey: id)?.cancel()
    }

    func ended(_ id: String, idle: Duration) {
        let count = (uses[id] ?? 1) - 1
        uses[id] = count > 0 ? count : nil
        if count <= 0 { wait(id, idle) }
    }

    /// A container that runs, of which this gateway may never have heard.
    func seen(_ container: ContainerSummary) {
        guard let seconds = container.labels[ContainerLease.idleLabel].flatMap({ Int64($0) }),
            seconds > 0,
            uses[container.id] == nil, timers[container.id] == nil
        else { return }
        wait(container.id, .seconds(seconds))
    }

    private func wait(_ id: String, _ idle: Duration) {
        guard idle > .zero else { return }
        timers[id]?.cancel()
        timers[id] = Task {
            do {
                try await Task.sleep(for: idle)
                while try await isUsed(id) { try await Task.sleep(for: idle) }
                try Task.checkCancellation()
                logger.emit(.dockerContainerIdle, ["container": "\(id)"])
                await ending.stop(id)
            } catch is CancellationError {
                return
            } catch {
                // Whoever finds it running again begins anew.
                logger.emit(.dockerContainerStopFailed, ["reason": "\(error)"])
            }
            if uses[id] == nil { timers[id] = nil }
        }
    }

    /// Whether another gateway's programs run in it.
    private func isUsed(_ id: String) async throws -> Bool {
        guard let details = try await engine.container(id) else { throw CancellationError() }
        return !details.execs.isEmpty
    }
}
