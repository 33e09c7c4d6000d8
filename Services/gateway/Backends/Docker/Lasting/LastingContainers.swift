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
    private var openings: [String: Latch<LastingRun>] = [:]
    private var uses: [String: Int] = [:]
    private var timers: [String: Task<Void, Never>] = [:]
    /// Those that are being stopped now.
    private var stops: [String: Task<Void, Never>] = [:]

    init(engine: EngineClient, ending: ContainerEnding, logger: Logger) {
        self.engine = engine
        self.ending = ending
        self.logger = logger
    }

    /// What `opening` finds or makes; the container counts as used from now on, until the caller
    /// says `ended`.
    ///
    /// Another gateway, or somebody at the engine, may stop it at any time all the same.
    func use(_ opening: LastingOpening) async throws -> LastingRun {
        while true {
            let run = try await run(of: opening)
            guard let stop = stops[run.id] else {
                began(run.id)
                return run
            }
            // It was unused until a moment ago, and has to be started again.
            await stop.value
        }
    }

    /// Callers at the same time share one opening, which goes on when one of them leaves.
    private func run(of opening: LastingOpening) async throws -> LastingRun {
        let name = opening.spec.name
        if let running = openings[name] { return try await running.value() }
        let latch = Latch<LastingRun>()
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
    /// How much longer than its own a gateway waits for a container that another one sees to.
    private static let courtesy = Duration.seconds(30)

    /// A container that runs, of which this gateway may never have heard.
    func seen(_ container: ContainerSummary) {
        guard let seconds = container.labels[ContainerLease.idleLabel].flatMap({ Int64($0) }),
            seconds > 0,
            uses[container.id] == nil, timers[container.id] == nil
        else { return }
        let idle = Duration.seconds(seconds)
        wait(container.id, idle + min(idle, Self.courtesy), then: idle)
    }

    /// Stops it after `first`, unless somebody uses it then or has started it meanwhile; looks
    /// again after `idle` each time.
    private func wait(_ id: String, _ first: Duration, then idle: Duration) {
        guard idle > .zero else { return }
        timers[id]?.cancel()
        timers[id] = Task {
            do {
                if try await becomesIdle(id, first, idle) {
                    try Task.checkCancellation()
                    guard uses[id] == nil else { return }
                    await stop(id)
                }
            } catch is CancellationError {
                // Somebody uses it, or begins anew.
                return
            } catch {
                // Whoever finds it running again begins anew.
                logger.emit(.dockerContainerStopFailed, ["reason": "\(error)"])
            }
            if uses[id] == nil { timers[id] = nil }
        }
    }

    private func stop(_ id: String) async {
        logger.emit(.dockerContainerIdle, ["container": "\(id)"])
        let stop = Task { await ending.stop(id) }
        stops[id] = stop
        await stop.value
        stops[id] = nil
    }

    /// Whether it runs, after a time in which nobody used or started it.
    private func becomesIdle(
        _ id: String,
        _ first: Duration,
        _ idle: Duration
    ) async throws -> Bool {
        guard var known = try await engine.container(id) else { return false }
        try await Task.sleep(for: first)
        let settled = ContinuousClock.now + (first < idle ? Self.settling : .zero)
        while true {
            guard let now = try await engine.container(id), now.status.isUp else { return false }
            let isFresh = now.startedAt != known.startedAt
            if !isFresh, try await !hasPrograms(now) { return true }
            known = now
            let mayJustBeEnding = !isFresh && ContinuousClock.now < settled
            try await Task.sleep(for: mayJustBeEnding ? .milliseconds(100) : idle)
        }
    }

    /// Whether another gateway's programs run in it.
    private func hasPrograms(_ details: ContainerDetails) async throws -> Bool {
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

extension ContainerDetails.Status {
    fileprivate var isUp: Bool { self == .running || self == .paused }
}
