import GatewayCore
import GuestAgent
import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
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
        return try await link.start(
            request,
            commands,
            within: config.timeouts.commandStart,
            unknownSubsystem: .dockerSubsystemNotSupported
        )
    }

    func putFile(_ file: WorkspaceFile) async throws {
        logger.emit(.dockerFileWrite, ["path": "\(file.path)"])
        let limit = config.timeouts.commandStart
        try await link.putFile(file, within: limit, failure: .dockerFileWriteFailed)
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
        let idling = try await link.startIdle(command, commands)
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
