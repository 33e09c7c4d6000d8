import GatewayCore
import SharedConfig
import SharedSSH
import Synchronization

/// One connection's use of a container that stays.
///
/// Where unused containers are stopped, programs without traffic are ended: a use is what happens,
/// not that somebody is connected.
final class LastingWorkspace: Workspace {
    let label: String
    private let join: LastingJoin
    private let environment: [(name: String, value: RawText)]
    private let use = LastingUse()
    private let state: Mutex<State>

    private struct State {
        var joined: LastingJoin.Joined
        /// Starts and joins again what was stopped in the middle of the connection.
        var joining: Task<Void, any Error>?
        var isUsing = true
        var watching: Task<Void, Never>?
        var closing: Task<Void, Never>?
    }

    private var idle: Duration { join.idle }

    /// `environment` is the connection's: the container has none of it.
    init(
        _ joined: LastingJoin.Joined,
        by join: LastingJoin,
        environment: [(name: String, value: RawText)]
    ) {
        label = joined.workspace.label
        self.join = join
        self.environment = environment
        state = Mutex(State(joined: joined))
        watch()
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        var request = request
        request.environment = environment + request.environment
        return LastingProgram(try await inside { [request] in try await $0.start(request) }, use)
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try await inside { try await $0.putFile(file) }
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        let stream = try await busy { try await $0.dial(destination, permission: permission) }
        return LastingStream(stream: stream, use: use)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        let listener = try await busy { try await $0.listen(place) }
        return LastingListener(listener: listener, use: use)
    }

    // MARK: - The container

    /// Does what was asked for, which is a use as long as it takes. Throws once nothing was asked
    /// for too long: what the connection had in the container is gone.
    private func busy<Value>(
        _ body: (any ContainerWorkspace) async throws -> Value
    ) async throws -> Value {
        guard !use.isOver else { throw use.error }
        use.begin()
        defer { use.end() }
        return try await body(state.withLock(\.joined.workspace))
    }

    /// The same, and once more in a container that was stopped meanwhile, as another gateway may
    /// that saw nobody use it, and is started again.
    private func inside<Value>(
        _ body: (any ContainerWorkspace) async throws -> Value
    ) async throws -> Value {
        let run = state.withLock(\.joined.run)
        do {
            return try await busy(body)
        } catch {
            try Task.checkCancellation()
            guard !use.isOver, await join.hasEnded(run) else { throw error }
            join.tellAgain(run, after: error)
            guard try await joinAgain(after: run) else { throw error }
            return try await busy(body)
        }
    }

    /// Whether there is a newer run now; not once the connection ends. Callers at the same time
    /// share one attempt.
    private func joinAgain(after run: LastingRun) async throws -> Bool {
        var isOpen = true
        let joining = state.withLock { state -> Task<Void, any Error>? in
            isOpen = state.closing == nil && state.isUsing
            guard isOpen, state.joined.run == run else { return nil }
            if let joining = state.joining { return joining }
            let joined = state.joined
            // Bounded by the opening's own deadline, and awaited by the connection's end.
            let joining = Task { try await self.joinAgain(instead: joined) }
            state.joining = joining
            return joining
        }
        try await joining?.value
        return isOpen
    }

    private func joinAgain(instead old: LastingJoin.Joined) async throws {
        defer { state.withLock { $0.joining = nil } }
        let new = try await join.run()
        state.withLock { $0.joined = new }
        await old.workspace.close()
        await join.containers.ended(old.run.id, idle: idle)
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
        _ = await state.withLock(\.joining)?.result
        let joined = state.withLock(\.joined)
        await joined.workspace.close()
        await join.containers.idled(joined.run.id, idle: idle)
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
        let (joining, watching) = state.withLock { ($0.joining, $0.watching) }
        watching?.cancel()
        await watching?.value
        _ = await joining?.result
        let (joined, isUsing) = state.withLock { ($0.joined, $0.isUsing) }
        await joined.workspace.close()
        if isUsing { await join.containers.ended(joined.run.id, idle: idle) }
    }
}
