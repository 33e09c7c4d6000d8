import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedWaiting

/// A running container and the connection that keeps it alive.
struct RunningContainer: Sendable {
    let id: String
    /// Its first process ends when this is closed; `nil` for one that stays when everybody leaves.
    let lifeline: EngineStream?
    let remover: ContainerRemover
}

/// Makes a container: image, create, attach, start. Leaves nothing behind when it fails.
struct ContainerOpening: Sendable {
    let engine: EngineClient
    /// `nil` where somebody has seen to the image.
    let images: ImageKeeper?
    var spec: ContainerSpec
    let config: DockerConfig
    let loop: any EventLoop
    let progress: @Sendable (String) -> Void
    let logger: Logger
    let owed: OwedContainers
    /// Puts what else belongs into a container that was created.
    var deliver: @Sendable (String) async throws -> Void = { _ in }

    private static let mostTries = 4
    /// A configured entry point may take its time or say nothing at all.
    private static let firstWord = Duration.seconds(2)

    /// For the first process's word.
    private var patience: Duration {
        config.execution.container["entrypoint"].strings.isEmpty
            ? config.timeouts.containerStart : Self.firstWord
    }

    var remover: ContainerRemover {
        ContainerRemover(
            engine: engine,
            limit: config.timeouts.containerStop,
            logger: logger,
            owed: owed
        )
    }

    func run() async throws -> RunningContainer {
        try await within(
            config.timeouts.containerStart,
            late: CodedError(.dockerContainerStartFailed, detail: "not ready in time"),
            discard: { await $0.remover.remove($0.id) },
            { try await self.open { try await isRunning($0) } }
        )
    }

    /// The same with an agent as the first process, which says nothing until it is greeted.
    func runWithAgent() async throws -> (id: String, lifeline: EngineStream) {
        let container = try await within(
            config.timeouts.containerStart,
            late: CodedError(.dockerContainerStartFailed, detail: "not ready in time"),
            discard: { await $0.remover.remove($0.id) },
            { try await self.open { _ in } }
        )
        guard let lifeline = container.lifeline else {
            throw CodedError(.dockerContainerAttachFailed)
        }
        return (container.id, lifeline)
    }

    private func open(
        _ check: (EngineStream) async throws -> Void
    ) async throws -> RunningContainer {
        try await images?.provide(spec.image, platform: spec.platform, progress: progress)
        let id = try await created()
        do {
            try Task.checkCancellation()
            try await deliver(id)
            let lifeline = try await retrying(.dockerContainerAttach) {
                try await engine.attach(id, on: loop)
            }
            do {
                try await retrying(.dockerContainerStart) {
                    try await engine.startContainer(id, within: config.timeouts.containerStart)
                }
                try await check(lifeline)
            } catch {
                await lifeline.close()
                throw error
            }
            return RunningContainer(id: id, lifeline: lifeline, remover: remover)
        } catch {
            await remover.remove(id)
            throw error
        }
    }

    private func created() async throws -> String {
        // Whether an earlier try may have made it without our being told.
        var isDoubtful = false
        do {
            return try await retrying(.dockerContainerCreate) {
                do {
                    return try await self.create()
                } catch let error as CodedError where isDoubtful && error.engineStatus == 409 {
                    // It has: nobody else's has this name. An engine in trouble is asked again.
                    try? await engine.removeContainer(spec.name)
                    throw CodedError(
                        error.code,
                        detail: error.detail,
                        cause: error.cause,
                        isRetryable: true
                    )
                } catch {
                    isDoubtful = isDoubtful || mayExist(after: error)
                    throw error
                }
            }
        } catch {
            if isDoubtful || mayExist(after: error) {
                owed.add(spec.name, mayAppear: true, engine, logger)
            }
            throw error
        }
    }

    private struct StillSilent: Error {}

    /// Whether a first process has said that it runs: a word, or an image's agent its process id.
    private func isReady(_ said: ByteBuffer) -> Bool {
        if ImageAgent(config.execution) != nil, Scripts.waitsForNothing(config.execution) {
            var header = ProcessHeader(hasTerminal: false, hasEcho: false)
            if case .process = header.take(said.readableBytesView) { return true }
        }
        return String(buffer: said).contains(Scripts.ready)
    }

    /// Waits for the first process's word. One that ends instead (no shell in the image, a wrong
    /// entry point) is an error with what it has said.
    private func isRunning(_ lifeline: EngineStream) async throws {
        do {
            try await within(patience, late: StillSilent()) {
                var said = ByteBuffer()
                while let piece = try await lifeline.next(), said.readableBytes < 16 << 10 {
                    said.writeImmutableBuffer(piece.bytes)
                    if isReady(said) { return }
                }
                throw CodedError(
                    .dockerContainerStartFailed,
                    detail: "the first process ended: \(String(buffer: said).prefix(500))"
                )
            }
        } catch is StillSilent {
            return
        }
    }

    /// Once the engine has been asked, its answer is awaited whatever happens: only then is it
    /// known what there is to remove. The client's own time limit bounds that.
    private func create() async throws -> String {
        let creation = Task { [engine, spec] in
            try await engine.createContainer(
                name: spec.name,
                platform: spec.platform,
                body: Array(spec.body.json.utf8)
            )
        }
        do {
            return try await creation.value
        } catch {
            // What a creation without answer has made would be in the way of the next one.
            // An engine that still hangs is asked again later.
            if mayExist(after: error) { try? await engine.removeContainer(spec.name) }
            throw error
        }
    }

    /// Without an answer the container may be there all the same, now or later. Its name is ours
    /// alone unless the configuration chose it.
    private func mayExist(after error: any Error) -> Bool {
        let status = (error as? CodedError)?.engineStatus
        return status == nil && config.execution.containerName.isEmpty
    }

    private func retrying<Value: Sendable>(
        _ code: MessageCode,
        _ step: () async throws -> Value
    ) async throws -> Value {
        var pause = BackOff(from: .milliseconds(200), factor: 3, upTo: .seconds(5))
        var tries = 1
        while true {
            logger.emit(code, ["container": "\(spec.name)"])
            do {
                return try await step()
            } catch let error as CodedError where error.isRetryable && tries < Self.mostTries {
                logger.emit(error, ["container": "\(spec.name)", "try": "\(tries)"])
                progress("The container engine has a problem, trying again ...")
            }
            tries += 1
            try await Task.sleep(for: pause.take())
        }
    }
}
