import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting

/// Sees to it that the container a person keeps is there and runs.
struct LastingOpening: Sendable {
    let engine: EngineClient
    let images: ImageKeeper
    let spec: ContainerSpec
    let config: DockerConfig
    let progress: @Sendable (String) -> Void
    let logger: Logger

    /// Of the engine, one after the other, before the person is told: some seconds.
    private static let mostFailures = 6

    /// Finds the container running, or makes it so.
    func run() async throws -> LastingRun {
        try await within(
            config.timeouts.containerStart,
            late: CodedError(.dockerContainerStartFailed, detail: "not ready in time"),
            { try await self.settle() }
        )
    }

    private func settle() async throws -> LastingRun {
        var pause = BackOff(from: .milliseconds(20), upTo: .seconds(1))
        var starts = 0
        var failures = 0
        while true {
            try Task.checkCancellation()
            let found: ContainerDetails?
            do {
                found = try await engine.container(spec.name)
            } catch let error as CodedError where error.isRetryable && failures < Self.mostFailures
            {
                failures += 1
                // An engine that is starting a container answers late.
                logger.emit(error, ["container": "\(spec.name)"])
                try await Task.sleep(for: pause.take())
                continue
            }
            guard let found else {
                try await create()
                try await Task.sleep(for: pause.take())
                continue
            }
            switch found.status {
            case .running:
                logger.emit(.dockerContainerFound, ["container": "\(found.id)"])
                return LastingRun(id: found.id, startedAt: found.startedAt)
            case .paused:
                do {
                    try await engine.unpauseContainer(spec.name)
                } catch let error as CodedError where failures < Self.mostFailures {
                    failures += 1
                    // Somebody else was quicker, as a rule.
                    logger.emit(error, ["container": "\(spec.name)"])
                }
            case .created, .exited, .other:
                starts += 1
                guard starts <= 2 else { throw ended(found) }
                try await start()
            // The engine is about to settle that by itself.
            case .restarting, .removing, .dead: break
            }
            try await Task.sleep(for: pause.take())
        }
    }

    private func ended(_ found: ContainerDetails) -> CodedError {
        CodedError(
            .dockerContainerStartFailed,
            detail: "its first process ended with status \(found.exitCode) \(found.error)"
        )
    }

    private func create() async throws {
        guard config.execution.createMissing else {
            throw CodedError(.dockerContainerNotFound, detail: spec.name)
        }
        try await images.provide(spec.image, platform: spec.platform, progress: progress)
        logger.emit(.dockerContainerCreate, ["container": "\(spec.name)"])
        do {
            _ = try await engine.createContainer(
                name: spec.name,
                platform: spec.platform,
                body: Array(spec.body.json.utf8)
            )
        } catch let error as CodedError where error.engineStatus == 409 {
            // Another gateway was quicker.
            logger.emit(.dockerContainerFound, ["container": "\(spec.name)"])
            return
        }
        do {
            try await start()
        } catch {
            await ContainerRemover(
                engine: engine,
                limit: config.timeouts.containerStop,
                logger: logger
            ).remove(spec.name)
            throw error
        }
    }

    private func start() async throws {
        logger.emit(.dockerContainerStart, ["container": "\(spec.name)"])
        do {
            try await engine.startContainer(spec.name, within: config.timeouts.containerStart)
        } catch let error as CodedError where error.engineStatus == 404 {
            // Removed since it was seen: looked for again.
        }
    }
}
