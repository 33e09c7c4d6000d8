import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// One connection's pod, in which every program is an exec.
final class PodWorkspace: PodHolding {
    let label: String
    private let running: RunningPod
    private let execs: PodExecs
    private let config: KubernetesConfig
    /// The connection's, for each of its programs.
    private let environment: [(name: String, value: RawText)]
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var programs: [PodProgram] = []
        var closing: Task<Void, Never>?
        /// Takes what the first process says, so that it never waits for a reader.
        var drain: Task<Void, Never>?
        var marking: Task<Void, Never>?
        var following: Task<Void, Never>?
    }

    init(
        _ running: RunningPod,
        config: KubernetesConfig,
        environment: [(name: String, value: RawText)],
        loop: any EventLoop,
        logger: Logger
    ) {
        label = "pod-" + running.pod.name
        self.running = running
        self.config = config
        self.environment = environment
        self.logger = logger
        execs = PodExecs(
            client: running.client,
            pod: running.pod,
            container: running.container,
            config: config,
            loop: loop,
            logger: logger
        )
        let following = Task {
            guard (try? await running.follower.end.value()) != nil else { return }
            for program in state.withLock({ $0.programs }) { await program.cut() }
        }
        state.withLock { $0.following = following }
        guard let lifeline = running.lifeline else { return }
        let drain = Task {
            // Its end, of whatever kind, is the pod's: programs learn of that themselves.
            while (try? await lifeline.next()) != nil {}
        }
        state.withLock { $0.drain = drain }
    }

    var podName: String { running.pod.name }

    func start(_ request: ProgramRequest) async throws -> any Program {
        try checkOpen()
        let command = try Self.arguments(for: request.kind, config.pod)
        let terminal = request.pty.map { [(name: "TERM", value: RawText($0.term))] } ?? []
        let program = PodProgram(
            started: try await execs.start(
                command,
                environment: Self.assignments(environment + terminal + request.environment),
                terminal: request.pty?.size
            ),
            execs: execs,
            follower: running.follower,
            logger: logger
        )
        let isLate = state.withLock { state in
            guard state.closing == nil else { return true }
            state.programs.removeAll { $0.isOver }
            state.programs.append(program)
            return false
        }
        guard !isLate else {
            await program.terminate()
            throw CodedError(.kubernetesPodShuttingDown)
        }
        return program
    }

    /// Throws `KUBERUN_EXEC_DISABLED` for a command where there are to be none.
    static func permit(
        _ kind: ProgramRequest.Kind,
        _ pod: KubernetesPodConfig
    ) throws(CodedError) {
        guard pod.disableCommand, case .exec = kind else { return }
        throw CodedError(.kuberunExecDisabled)
    }

    /// Throws `KUBERNETES_SUBSYSTEM_NOT_SUPPORTED` for a subsystem that is not configured, and as
    /// `permit` does.
    static func arguments(
        for kind: ProgramRequest.Kind,
        _ pod: KubernetesPodConfig
    ) throws(CodedError) -> [String] {
        try permit(kind, pod)
        switch kind {
        case .shell: return pod.shellCommand.isEmpty ? [PodScripts.shell] : pod.shellCommand
        case .exec(let command): return [PodScripts.shell, "-c", command.text]
        case .subsystem(let name):
            guard let program = name.exactText.flatMap({ pod.subsystems[$0] }) else {
                throw CodedError(.kubernetesSubsystemNotSupported, detail: name.text)
            }
            return [program]
        }
    }

    /// Of several with one name the last wins, in the place of the first. The API takes text:
    /// bytes that are not UTF-8 become U+FFFD.
    private static func assignments(_ list: [(name: String, value: RawText)]) -> [String] {
        var order: [String] = []
        var values: [String: RawText] = [:]
        for (name, value) in list
        where PodScripts.isVariable(name) && !value.bytes.contains(0) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        return order.map { "\($0)=\((values[$0] ?? "").text)" }
    }

    func putFile(_ file: WorkspaceFile) async throws {
        try checkOpen()
        logger.emit(.kubernetesFileWrite, ["path": "\(file.path)"])
        let command = PodScripts.putFile(file.path, size: file.content.count, mode: file.mode)
        let result: PodExecs.Finished
        do {
            result = try await execs.run(command, input: ByteBuffer(bytes: file.content))
        } catch let error as CodedError {
            throw CodedError(.kubernetesFileWriteFailed, detail: file.path, cause: error)
        }
        guard result.status == 0 else {
            throw CodedError(
                .kubernetesFileWriteFailed,
                detail: "\(file.path): \(result.output)"
            )
        }
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        throw withoutAgent("dial")
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        throw withoutAgent("listen")
    }

    /// A stream into the pod's network needs a program in it.
    private func withoutAgent(_ operation: String) -> OperationUnsupported {
        logger.emit(.kubernetesForwardingFailed, ["operation": "\(operation)"])
        return OperationUnsupported(operation: operation)
    }

    func mark(_ patch: ConfigTree) {
        let marking = PodMark(client: running.client, pod: running.pod, logger: logger).lay(patch)
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
        let programs = state.withLock { state in
            defer { state.programs = [] }
            return state.programs
        }
        if let lifeline = running.lifeline {
            async let removal: Void = running.remover.remove(
                running.pod.name,
                uid: running.pod.uid
            )
            await lifeline.close()
            for program in programs { await program.abandon() }
            await removal
        } else {
            await withTaskGroup(of: Void.self) { group in
                for program in programs { group.addTask { await program.terminate() } }
            }
        }
        await running.follower.stop()
        let (drain, following) = state.withLock { ($0.drain, $0.following) }
        await drain?.value
        await following?.value
    }

    private func checkOpen() throws {
        guard state.withLock({ $0.closing == nil }) else {
            throw CodedError(.kubernetesPodShuttingDown)
        }
    }
}
