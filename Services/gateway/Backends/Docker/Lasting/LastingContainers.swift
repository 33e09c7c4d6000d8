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
    /// Those that are being stopped now.
    private var stops: [String: Task<Void, Never>] = [:]

    init(engine: EngineClient, ending: ContainerEnding, logger: Logger) {
        self.engine = engine
        self.ending = ending
        self.logger = logger
    }

    /// The id of the container that `opening` finds or makes; it counts as used from now on, until
    /// the caller says `ended`.
    func use(_ opening: LastingOpening) async throws -> String {
        while true {
            let id = try await id(of: opening)
            guard let stop = stops[id] else {
                began(id)
                return id
            }
            // It was unused until a moment ago, and has to be started again.
            await stop.value
        }
    }

    /// Callers at the same time share one opening, which goes on when one of them leaves.
    private func id(of opening: LastingOpening) async throws -> String {
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

    private func began(_ id: String) {
        uses[id, default: 0] += 1
        timers.removeValue(forKey: id)?.cancel()
    }

    func ended(_ id: String, idle: Duration) {
        let count = (uses[id] ?? 1) - 1
        uses[id] = count > 0 ? count : nil
        if count <= 0 { wait(id, idle, then: idle) }
    }

    /// A connection has not used it for `idle`; if nobody else does, it is stopped.
    func idled(_ id: String, idle: Duration) {
        let count = (uses[id] ?? 1) - 1
        uses[id] = count > 0 ? count : nil
        if count <= 0 { wait(id, .zero, then: idle) }
    }

    /// How long what a connection has left is given to be seen as ended.
    private static let settling = Duration.seconds(10)

    /// A container that runs, of which this gateway may never have heard.
    func seen(_ container: ContainerSummary) {
        guard let seconds = container.labels[ContainerLease.idleLabel].flatMap({ Int64($0) }),
            seconds > 0,
            uses[container.id] == nil, timers[container.id] == nil
        else { return }
        let idle = Duration.seconds(seconds)
        wait(container.id, idle, then: idle)
    }

    /// Stops it after `first`, unless somebody uses it then; looks again after `idle` each time.
    private func wait(_ id: String, _ first: Duration, then idle: Duration) {
        guard idle > .zero else { return }
        timers[id]?.cancel()
        timers[id] = Task {
            do {
                try await Task.sleep(for: first)
                let settled = ContinuousClock.now + (first < idle ? Self.settling : .zero)
                while try await isUsed(id) {
                    let isSettled = ContinuousClock.now >= settled
                    try await Task.sleep(for: isSettled ? idle : .milliseconds(100))
                }
                try Task.checkCancellation()
                guard uses[id] == nil else { return }
                logger.emit(.dockerContainerIdle, ["container": "\(id)"])
                let stop = Task { await ending.stop(id) }
                stops[id] = stop
                await stop.value
                stops[id] = nil
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
        // Podman lists those that have ended, too.
        for exec in details.execs {
            do {
                if try await engine.inspectExec(exec).isRunning { return true }
            } catch let error as CodedError where error.engineStatus == 404 {
                // Forgotten meanwhile.
            }
        }
        return false
    }
}
