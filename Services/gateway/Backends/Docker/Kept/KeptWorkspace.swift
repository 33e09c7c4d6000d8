import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// One connection's use of a container that waits for its person afterwards, as do programs with a
/// terminal.
final class KeptWorkspace: Workspace {
    private let workspace: any ContainerWorkspace
    private let owner: KeptContainers.Owner
    private let containers: KeptContainers
    private let environment: [(name: String, value: RawText)]
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        /// Which somebody of this connection looks at, or did until a moment ago.
        var programs: [KeptProgram] = []
        /// Which nobody has looked at yet.
        var screens: [KeptScreen]
        /// End what was left while the connection goes on.
        var endings: [Task<Void, Never>] = []
        var closing: Task<Void, Never>?
    }

    /// More terminals than a person has.
    private static let mostScreens = 16
    /// For a connection to end after its programs.
    private static let grace = Duration.seconds(10)

    var label: String { workspace.label }

    /// `environment` is the connection's: the container may have that of an earlier one.
    init(
        _ left: KeptContainers.Left,
        of owner: KeptContainers.Owner,
        in containers: KeptContainers,
        environment: [(name: String, value: RawText)],
        logger: Logger
    ) {
        workspace = left.workspace
        self.owner = owner
        self.containers = containers
        self.environment = environment
        self.logger = logger
        state = Mutex(State(screens: left.screens))
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        if let size = request.pty?.size, let program = await resume(request.kind, size) {
            return program
        }
        var request = request
        request.environment = environment + request.environment
        let program = try await workspace.start(request)
        do {
            try checkOpen()
        } catch {
            await program.terminate()
            throw error
        }
        guard request.pty != nil else { return program }
        return use(KeptScreen(program, request.kind), first: nil)
    }

    // MARK: - Screens

    /// The program that was started with the same request, and left.
    private func resume(_ kind: ProgramRequest.Kind, _ size: WindowSize) async -> KeptProgram? {
        while let screen = takeScreen(kind) {
            guard let first = await screen.attach(size) else {
                await screen.program.terminate()
                continue
            }
            logger.emit(.dockerProgramResumed, ["container": "\(workspace.containerID)"])
            return use(screen, first: first)
        }
        return nil
    }

    private func takeScreen(_ kind: ProgramRequest.Kind) -> KeptScreen? {
        state.withLock { state in
            state.screens.firstIndex { $0.kind == kind }.map { state.screens.remove(at: $0) }
        }
    }

    private func use(_ screen: KeptScreen, first: ByteBuffer?) -> KeptProgram {
        let program = KeptProgram(screen, first: first) { [weak self] in self?.left($0) }
        state.withLock { state in
            state.programs = state.programs.filter { !$0.screen.isOver } + [program]
        }
        return program
    }

    /// Somebody looks at it no more: if only that, and not the connection, has ended, so does the
    /// program.
    private func left(_ program: KeptProgram) {
        state.withLock { state in
            guard state.closing == nil else { return }
            state.endings.append(
                Task {
                    // Cancelled: the connection ends, too.
                    guard (try? await Task.sleep(for: Self.grace)) != nil else { return }
                    await self.end(program)
                }
            )
        }
    }

    private func end(_ program: KeptProgram) async {
        let isOurs = state.withLock { state in
            guard state.closing == nil else { return false }
            state.programs.removeAll { $0 === program }
            return true
        }
        if isOurs { await program.screen.hangUp() }
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try checkOpen()
        try await workspace.putFile(file)
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try checkOpen()
        return try await workspace.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try checkOpen()
        return try await workspace.listen(place)
    }

    /// Ends the connection's programs but those with a terminal; the container stays for a while if
    /// it is in order.
    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.leave() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func leave() async {
        let (programs, waiting, endings) = state.withLock { state in
            defer { (state.programs, state.screens, state.endings) = ([], [], []) }
            return (state.programs, state.screens, state.endings)
        }
        for ending in endings {
            ending.cancel()
            await ending.value
        }
        for program in programs { await program.terminate() }
        let left = programs.map(\.screen).filter { !$0.isOver }
        let screens = Array((left + waiting).prefix(Self.mostScreens))
        await workspace.endPrograms(except: screens.map(\.program))
        guard workspace.isAlive else { return await workspace.close() }
        for screen in screens where left.contains(where: { $0 === screen }) {
            screen.beginReading()
        }
        await containers.keep(
            KeptContainers.Left(workspace: workspace, screens: screens),
            for: owner
        )
    }

    private func checkOpen() throws {
        guard state.withLock({ $0.closing == nil }) else {
            throw CodedError(.dockerContainerShuttingDown)
        }
    }
}
