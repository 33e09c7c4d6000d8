package import Logging
import NIOCore
import SharedLogging
package import SharedMessages
import SharedSSH
import Synchronization

/// The mode `session` of backends with containers: every program of a connection has a place of its
/// own, which ends with it.
package final class SessionWorkspace: Workspace {
    /// Where one program runs.
    package struct Place: Sendable {
        let workspace: any Workspace
        let leave: @Sendable (_ hasExited: Bool) async -> Void

        /// `leave` comes before the workspace is closed, and knows whether the program has ended.
        package init(
            _ workspace: any Workspace,
            leave: @escaping @Sendable (_ hasExited: Bool) async -> Void = { _ in }
        ) {
            self.workspace = workspace
            self.leave = leave
        }
    }

    /// What the backend calls it.
    package struct Codes: Sendable {
        let shuttingDown: MessageCode
        let forwardingFailed: MessageCode

        package init(shuttingDown: MessageCode, forwardingFailed: MessageCode) {
            self.shuttingDown = shuttingDown
            self.forwardingFailed = forwardingFailed
        }
    }

    package let label: String
    private let codes: Codes
    private let check: @Sendable (ProgramRequest.Kind) throws -> Void
    private let open: @Sendable (_ number: Int) async throws -> Place
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var count = 0
        var files: [String: WorkspaceFile] = [:]
        var programs: [Int: PlacedProgram] = [:]
    }

    /// `check` throws for what no place can run; `open` makes the place of the program with this
    /// number, counted from 1.
    package init(
        label: String,
        codes: Codes,
        logger: Logger,
        check: @escaping @Sendable (ProgramRequest.Kind) throws -> Void,
        open: @escaping @Sendable (_ number: Int) async throws -> Place
    ) {
        self.label = label
        self.codes = codes
        self.check = check
        self.open = open
        self.logger = logger
    }

    package func start(_ request: ProgramRequest) async throws -> any Program {
        try check(request.kind)
        let (number, files) = try state.withLock { state in
            guard !state.isClosed else { throw CodedError(codes.shuttingDown) }
            state.count += 1
            return (state.count, Array(state.files.values))
        }
        let place = try await open(number)
        let program: PlacedProgram
        do {
            for file in files { try await place.workspace.putFile(file) }
            program = PlacedProgram(try await place.workspace.start(request), place)
        } catch {
            await place.workspace.close()
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
            throw CodedError(codes.shuttingDown)
        }
        return program
    }

    /// Every place that is made from now on gets the file.
    package func putFile(_ file: WorkspaceFile) async throws {
        try state.withLock { state in
            guard !state.isClosed else { throw CodedError(codes.shuttingDown) }
            state.files[file.path] = file
        }
    }

    package func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        throw noForwarding()
    }

    package func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        throw noForwarding()
    }

    /// There is no place but those of the programs.
    private func noForwarding() -> OperationUnsupported {
        logger.emit(codes.forwardingFailed, ["reason": "the mode session has no forwarding"])
        return OperationUnsupported(operation: "forwarding in the mode session")
    }

    package func close() async {
        let programs = state.withLock { state in
            state.isClosed = true
            return Array(state.programs.values)
        }
        await withTaskGroup(of: Void.self) { group in
            for program in programs { group.addTask { await program.terminate() } }
        }
    }
}

/// A program whose place ends with it.
private final class PlacedProgram: Program {
    private let program: any Program
    private let place: SessionWorkspace.Place
    private let state = Mutex(State())

    private struct State {
        var hasExited = false
        var isOver = false
        var end: Task<Void, Never>?
    }

    init(_ program: any Program, _ place: SessionWorkspace.Place) {
        self.program = program
        self.place = place
    }

    /// Whether its place is gone.
    var isOver: Bool { state.withLock { $0.isOver } }

    var tellsInput: Bool { program.tellsInput }
    func nextOutput() async throws -> ProgramOutput? { try await program.nextOutput() }
    func write(_ bytes: ByteBuffer) async throws -> Bool { try await program.write(bytes) }
    func closeInput() async { await program.closeInput() }
    func closeOutput() async { await program.closeOutput() }
    func resize(_ size: WindowSize) async throws { try await program.resize(size) }
    func signal(_ name: String) async throws { try await program.signal(name) }

    func sendBreak(milliseconds: UInt32) async throws {
        try await program.sendBreak(milliseconds: milliseconds)
    }

    func exit() async throws -> ProgramExit {
        let exit = try await program.exit()
        state.withLock { $0.hasExited = true }
        return exit
    }

    func terminate() async {
        let task = state.withLock { state in
            let hasExited = state.hasExited
            let task = state.end ?? Task { await self.finish(hasExited: hasExited) }
            state.end = task
            return task
        }
        await task.value
    }

    private func finish(hasExited: Bool) async {
        await place.leave(hasExited)
        await place.workspace.close()
        await program.terminate()
        state.withLock { $0.isOver = true }
    }
}
