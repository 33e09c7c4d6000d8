import GatewayCore
import SharedConfig
import SharedSSH
import Synchronization

/// One connection's use of a container that stays.
final class LastingWorkspace: Workspace {
    private let workspace: any ContainerWorkspace
    private let containers: LastingContainers
    private let environment: [(name: String, value: RawText)]
    private let idle: Duration
    private let closing = Mutex<Task<Void, Never>?>(nil)

    var label: String { workspace.label }

    /// `environment` is the connection's: the container has none of it.
    init(
        _ workspace: any ContainerWorkspace,
        in containers: LastingContainers,
        environment: [(name: String, value: RawText)],
        idle: Duration
    ) async {
        self.workspace = workspace
        self.containers = containers
        self.environment = environment
        self.idle = idle
        await containers.began(workspace.containerID)
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        var request = request
        request.environment = environment + request.environment
        return try await workspace.start(request)
    }

    func putFile(_ file: WorkspaceFile) async throws { try await workspace.putFile(file) }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try await workspace.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try await workspace.listen(place)
    }

    /// Ends the connection's programs and leaves the container.
    func close() async {
        let task = closing.withLock { closing in
            let task =
                closing
                ?? Task {
                    await workspace.close()
                    await containers.ended(workspace.containerID, idle: idle)
                }
            closing = task
            return task
        }
        await task.value
    }
}
