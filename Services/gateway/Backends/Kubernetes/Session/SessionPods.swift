import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// The mode `session`: every program of a connection has a pod of its own.
final class SessionPods: Workspace {
    /// Makes the pod for the program with this number, counted from 1.
    typealias Open = @Sendable (_ number: Int) async throws -> any PodHolding

    let label: String
    private let open: Open
    private let pod: KubernetesPodConfig
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var count = 0
        var files: [String: WorkspaceFile] = [:]
        var programs: [Int: PodOwner] = [:]
    }

    init(
        connectionID: String,
        pod: KubernetesPodConfig,
        logger: Logger,
        open: @escaping Open
    ) {
        label = "pods-" + connectionID.prefix(12)
        self.pod = pod
        self.logger = logger
        self.open = open
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        // What no pod can run needs none.
        _ = try PodWorkspace.arguments(for: request.kind, pod)
        let (number, files) = try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.kubernetesPodShuttingDown) }
            state.count += 1
            return (state.count, Array(state.files.values))
        }
        let workspace = try await open(number)
        let program: PodOwner
        do {
            for file in files { try await workspace.putFile(file) }
            program = PodOwner(try await workspace.start(request), workspace)
        } catch {
            await workspace.close()
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
            throw CodedError(.kubernetesPodShuttingDown)
        }
        return program
    }

    /// Every pod that is made from now on gets the file.
    func putFile(_ file: WorkspaceFile) async throws {
        try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.kubernetesPodShuttingDown) }
            state.files[file.path] = file
        }
    }

    /// There is no pod but those of the programs.
    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        throw noForwarding()
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        throw noForwarding()
    }

    private func noForwarding() -> OperationUnsupported {
        logger.emit(
            .kubernetesForwardingFailed,
            ["reason": "the mode session has no forwarding"]
        )
        return OperationUnsupported(operation: "forwarding in the mode session")
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

/// A program whose pod ends with it.
final class PodOwner: Program {
    private let program: any Program
    private let pod: any PodHolding
    private let ending = Mutex<(task: Task<Void, Never>?, isOver: Bool)>((nil, false))

    init(_ program: any Program, _ pod: any PodHolding) {
        self.program = program
        self.pod = pod
    }

    /// Whether its pod is gone.
    var isOver: Bool { ending.withLock { $0.isOver } }

    func nextOutput() async throws -> ProgramOutput? { try await program.nextOutput() }
    var tellsInput: Bool { program.tellsInput }
    func write(_ bytes: ByteBuffer) async throws -> Bool { try await program.write(bytes) }
    func closeInput() async { await program.closeInput() }
    func closeOutput() async { await program.closeOutput() }
    func resize(_ size: WindowSize) async throws { try await program.resize(size) }
    func signal(_ name: String) async throws { try await program.signal(name) }
    func exit() async throws -> ProgramExit { try await program.exit() }

    func sendBreak(milliseconds: UInt32) async throws {
        try await program.sendBreak(milliseconds: milliseconds)
    }

    func terminate() async {
        let task = ending.withLock { ending in
            let task = ending.task ?? Task { await self.finish() }
            ending.task = task
            return task
        }
        await task.value
    }

    private func finish() async {
        await pod.close()
        await program.terminate()
        ending.withLock { $0.isOver = true }
    }
}
