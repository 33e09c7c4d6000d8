import GatewayCore
import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// The mode `session`: every program of a connection has a container of its own.
final class SessionWorkspace: Workspace {
    /// Makes the container for the program with this number, counted from 1.
    typealias Open = @Sendable (_ number: Int) async throws -> any ContainerWorkspace

    let label: String
    private let open: Open
    private let ending: ContainerEnding
    private let execution: DockerExecutionConfig
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var count = 0
        var files: [String: WorkspaceFile] = [:]
        var programs: [Int: SessionProgram] = [:]
    }

    init(
        connectionID: String,
        execution: DockerExecutionConfig,
        ending: ContainerEnding,
        logger: Logger,
        open: @escaping Open
    ) {
        label = "docker-session-" + connectionID.prefix(12)
        self.execution = execution
        self.ending = ending
        self.logger = logger
        self.open = open
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        // What no container can run needs none.
        _ = try ProgramCommand.arguments(for: request.kind, execution)
        let (number, files) = try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.dockerContainerShuttingDown) }
            state.count += 1
            return (state.count, Array(state.files.values))
        }
        let container = try await open(number)
        let program: SessionProgram
        do {
            for file in files { try await container.putFile(file) }
            program = SessionProgram(
                program: try await container.start(request),
                container: container,
                ending: ending
            )
        } catch {
            await container.close()
            throw error
        }
        let isLate = state.withLock { state in
            guard !state.isClosed else { return true }
            state.programs = state.programs.filter { !$0.value.isOver }
            state.programs[number] = program
            return false
        }
        guard !isLate else {
            await program.terminate()
            throw CodedError(.dockerContainerShuttingDown)
        }
        return program
    }

    /// Every container that is made from now on gets the file.
    func putFile(_ file: WorkspaceFile) async throws {
        try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.dockerContainerShuttingDown) }
            state.files[file.path] = file
        }
    }

    /// There is no container but those of the programs.
    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        logger.emit(.dockerForwardingFailed, ["reason": "the mode session has no forwarding"])
        throw OperationUnsupported(operation: "forwarding in the mode session")
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        logger.emit(.dockerForwardingFailed, ["reason": "the mode session has no forwarding"])
        throw OperationUnsupported(operation: "forwarding in the mode session")
    }

    func close() async {
        let programs = state.withLock { state in
            state.isClosed = true
            return Array(state.programs.values)
        }
        await withTaskGroup(of: Void.self) { group in
            for program in programs { group.addTask { await program.terminate() } }
        }
    }
}
