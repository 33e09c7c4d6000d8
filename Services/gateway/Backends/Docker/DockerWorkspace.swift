import GatewayCore
import GuestAgent
import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// One connection's container.
final class DockerWorkspace: ContainerWorkspace {
    let label: String
    private let container: RunningContainer
    private let execs: ExecStarter
    /// Through the image's agent; `nil`: without one.
    private let forwarding: ForwardAgents?
    private let trouble: ContainerTrouble
    private let config: DockerConfig
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var programs: [String: DockerProgram] = [:]
        var closing: Task<Void, Never>?
        /// Takes what the first process says, so that it never waits for a reader.
        var drain: Task<Void, Never>?
        var hasEnded = false
    }

    init(
        container: RunningContainer,
        engine: EngineClient,
        config: DockerConfig,
        loop: any EventLoop,
        told: ContainerTrouble.Told,
        logger: Logger
    ) {
        label = "docker-" + container.id.prefix(12)
        self.container = container
        self.config = config
        self.logger = logger
        execs = ExecStarter(
            engine: engine,
            container: container.id,
            config: config,
            loop: loop,
            logger: logger
        )
        forwarding = Self.forwarding(execs, loop)
        trouble = ContainerTrouble(
            engine: engine,
            container: container.id,
            told: told,
            logger: logger
        )
        guard let lifeline = container.lifeline else { return }
        let drain = Task {
            // Its end, of whatever kind, is the container's: programs learn of that themselves.
            while (try? await lifeline.next()) != nil {}
            state.withLock { $0.hasEnded = true }
        }
        state.withLock { $0.drain = drain }
    }

    private static func forwarding(
        _ execs: ExecStarter,
        _ loop: any EventLoop
    ) -> ForwardAgents? {
        guard let agent = execs.agent else { return nil }
        return ForwardAgents(
            on: loop,
            options: ForwardOptions(
                timeout: execs.config.timeouts.commandStart,
                network: ContainerSpec.network(execs.config.execution)
            ),
            logger: execs.logger,
            putFile: { try await execs.putFile($0) },
            start: { try await ForwardExec.start(agent, execs, execs.logger) }
        )
    }

    var containerID: String { container.id }

    /// Whether its container runs, as far as is known without asking.
    var isAlive: Bool { state.withLock { !$0.hasEnded && $0.closing == nil } }

    func answers() async -> Bool {
        do {
            let found = try await execs.engine.container(container.id)
            return found?.status == .running && isAlive
        } catch {
            // Another container is not to be had either then.
            return isAlive
        }
    }

    /// Kills what was started here but some programs; the container stays.
    func endPrograms(except kept: [any Program]) async {
        let spared = Set(kept.compactMap { ($0 as? DockerProgram)?.id })
        let programs = state.withLock { state in
            defer { state.programs = state.programs.filter { spared.contains($0.key) } }
            return state.programs.filter { !spared.contains($0.key) }.map(\.value)
        }
        await withTaskGroup(of: Void.self) { group in
            for program in programs { group.addTask { await program.terminate() } }
            group.addTask { await self.forwarding?.closeAll() }
        }
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        logger.emit(.dockerExec)
        let command = try ProgramCommand.arguments(for: request.kind, config.execution)
        let terminal = request.pty.map { [(name: "TERM", value: RawText($0.term))] } ?? []
        let program = DockerProgram(
            exec: try await execs.start(
                command,
                environment: Environment.assignments(terminal + request.environment),
                terminal: request.pty?.size
            ),
            execs: execs,
            trouble: trouble,
            logger: logger
        )
        let isLate = state.withLock { state in
            guard state.closing == nil else { return true }
            state.programs = state.programs.filter { !$0.value.isOver }
            state.programs[program.id] = program
            return false
        }
        guard !isLate else {
            await program.abandon()
            throw CodedError(.dockerContainerShuttingDown)
        }
        return program
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try checkOpen()
        logger.emit(.dockerFileWrite, ["path": "\(file.path)"])
        try await execs.putFile(file)
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        guard let forwarding else { throw withoutAgent("dial") }
        try checkOpen()
        return try await forwarding.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        guard let forwarding else { throw withoutAgent("listen") }
        try checkOpen()
        return try await forwarding.listen(place)
    }

    /// A stream into the container's network needs a program in it.
    private func withoutAgent(_ operation: String) -> OperationUnsupported {
        logger.emit(.dockerGuestAgentDisabled, ["operation": "\(operation)"])
        return OperationUnsupported(operation: operation)
    }

    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.finish() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        guard let lifeline = container.lifeline else {
            await endPrograms(except: [])
            await forwarding?.close()
            return
        }
        await container.remover.remove(container.id)
        await lifeline.close()
        let (programs, drain) = state.withLock { state in
            defer { state.programs = [:] }
            return (Array(state.programs.values), state.drain)
        }
        for program in programs { await program.abandon() }
        await forwarding?.close()
        await drain?.value
    }

    private func checkOpen() throws {
        guard state.withLock({ $0.closing == nil }) else {
            throw CodedError(.dockerContainerShuttingDown)
        }
    }
}
