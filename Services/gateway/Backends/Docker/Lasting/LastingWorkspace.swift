import GatewayCore
import SharedConfig
import SharedSSH
import Synchronization

/// One connection's use of a container that stays.
///
/// Where unused containers are stopped, programs without traffic are ended: a use is what happens,
/// not that somebody is connected.
final class LastingWorkspace: Workspace {
    private let workspace: any ContainerWorkspace
    private let containers: LastingContainers
    private let environment: [(name: String, value: RawText)]
    private let idle: Duration
    private let use = LastingUse()
    private let state = Mutex(State())

    private struct State {
        var isUsing = true
        var watching: Task<Void, Never>?
        var closing: Task<Void, Never>?
    }

    var label: String { workspace.label }

    /// `environment` is the connection's: the container has none of it. `containers` has counted
    /// this use already.
    init(
        _ workspace: any ContainerWorkspace,
        in containers: LastingContainers,
        environment: [(name: String, value: RawText)],
        idle: Duration
    ) {
        self.workspace = workspace
        self.containers = containers
        self.environment = environment
        self.idle = idle
        watch()
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        var request = request
        request.environment = environment + request.environment
        return LastingProgram(try await busy { try await workspace.start(request) }, use)
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try await busy { try await workspace.putFile(file) }
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        let stream = try await busy {
            try await workspace.dial(destination, permission: permission)
        }
        return LastingStream(stream: stream, use: use)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        let listener = try await busy { try await workspace.listen(place) }
        return LastingListener(listener: listener, use: use)
    }

    // MARK: - Idle

    private func watch() {
        guard idle > .zero else { return }
        let watching = Task {
            // Cancelled: the connection ends.
            while true {
                let rest = idle - use.idleTime
                guard rest > .zero else { break }
                guard (try? await Task.sleep(for: rest)) != nil else { return }
            }
            await endIdle()
        }
        state.withLock { $0.watching = watching }
    }

    private func endIdle() async {
        let isUsing = state.withLock { state in
            defer { state.isUsing = false }
            return state.isUsing && state.closing == nil
        }
        guard isUsing else { return }
        use.isOver = true
        await workspace.close()
        await containers.idled(workspace.containerID, idle: idle)
    }

    /// Does what was asked for, which is a use as long as it takes. Throws once nothing was asked
    /// for too long: what the connection had in the container is gone.
    private func busy<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard !use.isOver else { throw use.error }
        use.begin()
        defer { use.end() }
        return try await body()
    }

    /// Ends the connection's programs and leaves the container.
    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.leave() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func leave() async {
        let (isUsing, watching) = state.withLock { ($0.isUsing, $0.watching) }
        watching?.cancel()
        await watching?.value
        await workspace.close()
        if isUsing { await containers.ended(workspace.containerID, idle: idle) }
    }
}
