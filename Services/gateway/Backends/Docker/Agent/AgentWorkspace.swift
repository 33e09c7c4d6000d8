import GatewayCore
import GuestAgent
import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// One connection's container, in which an agent does everything.
final class AgentWorkspace: ContainerWorkspace {
    let label: String
    private let container: AgentContainer
    private let link: AgentLink
    private let commands: AgentCommands
    private let config: DockerConfig
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var closing: Task<Void, Never>?
        /// Serves a configured idle command, whose end is the container's.
        var idling: Task<Void, Never>?
        var adopting: Task<Void, Never>?
    }

    init(
        container: AgentContainer,
        link: AgentLink,
        commands: AgentCommands,
        config: DockerConfig,
        logger: Logger
    ) {
        label = "docker-" + container.id.prefix(12)
        self.container = container
        self.link = link
        self.commands = commands
        self.config = config
        self.logger = logger
    }

    var containerID: String { container.id }

    var isAlive: Bool { !container.transport.hasEnded && state.withLock { $0.closing == nil } }

    /// A container that waited answers at once, or something is wrong with it.
    private static let patience = Duration.seconds(10)

    func answers() async -> Bool {
        do {
            try await link.ping(within: Self.patience)
            return true
        } catch {
            logger.emit(.dockerPooledContainerFailed, ["reason": "\(error)"])
            return false
        }
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        logger.emit(.dockerExec)
        let program = try await within(
            config.timeouts.commandStart,
            late: CodedError(.agentProgramStartFailed, detail: "not started in time"),
            discard: { await $0?.terminate() },
            { [link, commands] in try await link.start(request, commands) }
        )
        if let program { return program }
        var name = ""
        if case .subsystem(let subsystem) = request.kind { name = subsystem.text }
        throw CodedError(.dockerSubsystemNotSupported, detail: name)
    }

    func putFile(_ file: WorkspaceFile) async throws {
        logger.emit(.dockerFileWrite, ["path": "\(file.path)"])
        do {
            try await within(
                config.timeouts.commandStart,
                late: CodedError(.dockerFileWriteFailed, detail: "\(file.path): not in time"),
                { [link] in try await link.putFile(file) }
            )
        } catch let error as CodedError {
            throw CodedError(.dockerFileWriteFailed, detail: file.path, cause: error)
        }
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try await link.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try await link.listen(place)
    }

    /// Runs what the configuration wants to run beside everything; its end ends the container.
    func idle(_ command: [String]) async throws {
        guard let file = command.first else { return }
        let program = try await link.start(
            AgentProgram(
                file: RawText(file),
                arguments: command.map { RawText($0) },
                environment: AgentCommands.assignments(commands.environment)
            )
        )
        await program.closeInput()
        let idling = Task {
            // Whatever it says is of no interest; its end, of whatever kind, is the container's.
            while (try? await program.nextOutput()) != nil {}
            _ = try? await program.exit()
            await link.close()
        }
        state.withLock { $0.idling = idling }
    }

    /// Tells everybody whose this container of the pool is now; nobody waits for that.
    func adopt(as name: String, _ engine: EngineClient) {
        logger.emit(.dockerContainerAdopted, ["container": "\(container.id)"])
        let adopting = Task { [logger, id = container.id] in
            do {
                try await engine.renameContainer(id, to: name)
            } catch {
                logger.emit(.dockerContainerRenameFailed, ["reason": "\(error)"])
            }
        }
        state.withLock { $0.adopting = adopting }
    }

    func endPrograms(except kept: [any Program]) async { link.closeAll(except: kept) }

    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.finish() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        await state.withLock { $0.adopting }?.value
        await container.remover?.remove(container.id)
        await link.close()
        await container.isGone()
        await state.withLock { $0.idling }?.value
    }
}
