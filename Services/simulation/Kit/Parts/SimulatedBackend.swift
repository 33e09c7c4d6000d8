import GatewayCore
import NIOCore
import SharedConfig
import SharedModels
import SharedSSH
import SharedWaiting
import Synchronization

/// A backend whose programs end at once without having done anything.
final class SimulatedBackend: Backend, BackendProvider {
    static let name = "simulated"

    /// How long the layers may take to ask for a workspace, which they do at once.
    private static let patience = Duration.seconds(60)

    private let requested = Latch<WorkspaceRequest>()
    private let programs = Mutex<[ProgramRequest.Kind]>([])

    /// Whom the workspace is made for; waits until it is asked for.
    func workspace() async throws -> WorkspaceRequest {
        try await requested.value(within: Self.patience, late: CancellationError())
    }

    /// What was started since the last call.
    func takeStarted() -> [ProgramRequest.Kind] {
        programs.withLock { list in
            defer { list = [] }
            return list
        }
    }

    func backend(for config: UserConfig) async throws -> any Backend { self }

    func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        requested.settle(.success(request))
        return SimulatedWorkspace { [self] kind in programs.withLock { $0.append(kind) } }
    }
}

private struct SimulatedWorkspace: Workspace {
    let label = "simulated"
    let started: @Sendable (ProgramRequest.Kind) -> Void

    func start(_ request: ProgramRequest) async throws -> any Program {
        started(request.kind)
        return SimulatedProgram()
    }

    func putFile(_ file: WorkspaceFile) async throws {}

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        SimulatedStream()
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        SimulatedListener(place)
    }

    func close() async {}
}

private struct SimulatedProgram: Program {
    func nextOutput() async throws -> ProgramOutput? { nil }
    func write(_ bytes: ByteBuffer) async throws -> Bool { false }
    func closeInput() async {}
    func closeOutput() async {}
    func resize(_ size: WindowSize) async throws {}
    func sendBreak(milliseconds: UInt32) async throws {}
    func signal(_ name: String) async throws {}
    func exit() async throws -> ProgramExit { .status(0) }
    func terminate() async {}
}

private struct SimulatedStream: WorkspaceStream {
    func read() async throws -> ByteBuffer? { nil }
    func write(_ bytes: ByteBuffer) async throws {}
    func closeWrite() async {}
    func close() async {}
}

private struct SimulatedListener: WorkspaceListener {
    let boundPort: UInt16?
    let environment: [(name: String, value: String)] = []

    init(_ place: ListenPlace) {
        guard case .tcp(_, let port) = place else {
            boundPort = nil
            return
        }
        // A port of the kind that a system chooses.
        boundPort = port == 0 ? 49152 : port
    }

    func accept() async throws -> AcceptedStream? { nil }
    func close() async {}
}
