import GatewayCore
import SharedMessages
import SharedSSH
import Synchronization

/// One connection's use of a container that waits for its person afterwards.
final class KeptWorkspace: Workspace {
    private let workspace: any ContainerWorkspace
    private let owner: KeptContainers.Owner
    private let containers: KeptContainers
    private let environment: [(name: String, value: RawText)]
    private let closing = Mutex<Task<Void, Never>?>(nil)

    var label: String { workspace.label }

    /// `environment` is the connection's: the container may have that of an earlier one.
    init(
        _ workspace: any ContainerWorkspace,
        of owner: KeptContainers.Owner,
        in containers: KeptContainers,
        environment: [(name: String, value: RawText)]
    ) {
        self.workspace = workspace
        self.owner = owner
        self.containers = containers
        self.environment = environment
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        var request = request
        request.environment = environment + request.environment
        let program = try await workspace.start(request)
        do {
            try checkOpen()
        } catch {
            await program.terminate()
            throw error
        }
        return program
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

    /// Ends the connection's programs; the container stays for a while if it is in order.
    func close() async {
        let task = closing.withLock { closing in
            let task = closing ?? Task { await self.leave() }
            closing = task
            return task
        }
        await task.value
    }

    private func leave() async {
        await workspace.endPrograms()
        if workspace.isAlive {
            await containers.keep(workspace, for: owner)
        } else {
            await workspace.close()
        }
    }

    private func checkOpen() throws {
        guard closing.withLock({ $0 == nil }) else {
            throw CodedError(.dockerContainerShuttingDown)
        }
    }
}
