import GatewayCore
import GuestAgent
import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// One connection's pod, in which an agent does everything.
final class AgentPodWorkspace: PodHolding {
    let label: String
    private let pod: AgentPod
    private let link: AgentLink
    private let commands: AgentCommands
    private let config: KubernetesConfig
    private let logger: Logger
    private let state = Mutex(State())
    /// The container's PATH with the agent's own programs behind it, found out beside whatever
    /// else happens.
    private let path = Latch<String?>()

    private struct State {
        var closing: Task<Void, Never>?
        /// Serves a configured idle command, whose end is the pod's.
        var idling: Task<Void, Never>?
        var following: Task<Void, Never>?
        var marking: Task<Void, Never>?
    }

    init(
        pod: AgentPod,
        link: AgentLink,
        commands: AgentCommands,
        config: KubernetesConfig,
        logger: Logger
    ) {
        label = "pod-" + pod.pod.name
        self.pod = pod
        self.link = link
        self.commands = commands
        self.config = config
        self.logger = logger
        let following = Task {
            if pod.lacksPath { Task { await self.findPath() } } else { path.settle(.success(nil)) }
            // A pod that serves no more freezes its streams at times: who waits for them is told.
            guard (try? await pod.follower.end.value()) != nil else { return }
            await link.close()
        }
        state.withLock { $0.following = following }
    }

    var podName: String { pod.pod.name }

    private func findPath() async {
        let program = AgentProgram(
            file: RawText(PodScripts.shell),
            arguments: [RawText(PodScripts.shell), "-c", "printf %s \"$PATH\""]
        )
        let found = try? await within(config.timeouts.commandStart, late: CancellationError()) {
            [link] in
            let running = try await link.start(program)
            await running.closeInput()
            var text = ""
            while let piece = try await running.nextOutput(), text.utf8.count < 64 << 10 {
                text += String(buffer: piece.bytes)
            }
            await running.terminate()
            return text
        }
        // Without a shell nobody looks for programs by their name.
        path.settle(.success(found.map { "\($0):\(AgentFiles.binaries)" }))
    }

    // MARK: - Workspace

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        try PodWorkspace.permit(request.kind, config.pod)
        logger.emit(.kubernetesExec)
        var commands = commands
        if let path = try await path.value() {
            commands.environment.insert((name: "PATH", value: RawText(path)), at: 0)
        }
        let program = try await link.start(
            request,
            commands,
            within: config.timeouts.commandStart,
            unknownSubsystem: .kubernetesSubsystemNotSupported
        )
        return FollowedProgram(program, follower: pod.follower, logger: logger)
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try checkOpen()
        logger.emit(.kubernetesFileWrite, ["path": "\(file.path)"])
        let limit = config.timeouts.commandStart
        try await link.putFile(file, within: limit, failure: .kubernetesFileWriteFailed)
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

    // MARK: - Beside the programs

    /// Runs what the configuration wants to run beside everything; its end ends the pod.
    func idle(_ command: [String]) async throws {
        let idling = try await link.startIdle(command, commands)
        state.withLock { $0.idling = idling }
    }

    /// Tells everybody something about the pod; nobody waits for that.
    func mark(_ patch: ConfigTree) {
        let marking = PodMark(client: pod.client, pod: pod.pod, logger: logger).lay(patch)
        state.withLock { $0.marking = marking }
    }

    func close() async {
        let task = state.withLock { state in
            let task = state.closing ?? Task { await self.finish() }
            state.closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        // It is about a pod that is going.
        let marking = state.withLock { $0.marking }
        marking?.cancel()
        await marking?.value
        if let remover = pod.remover {
            async let removal: Void = remover.remove(pod.pod.name, uid: pod.pod.uid)
            await link.close()
            await removal
        } else {
            await link.close()
        }
        await pod.follower.stop()
        let (idling, following) = state.withLock { ($0.idling, $0.following) }
        await idling?.value
        await following?.value
    }

    private func checkOpen() throws {
        guard state.withLock({ $0.closing == nil }) else {
            throw CodedError(.kubernetesPodShuttingDown)
        }
    }
}
