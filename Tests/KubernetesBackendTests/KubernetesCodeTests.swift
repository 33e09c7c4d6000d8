import BackendConformance
import BackendPool
import ClusterDouble
import GatewayCore
import InMemoryLogging
import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedMessages
import SharedSSH
import Testing

@testable import KubernetesBackend

@Suite(
    "What the log says about a pod",
    .enabled(if: ClusterDouble.isPossible, KubernetesFixture.reason)
)
struct KubernetesCodeTests {
    /// All that a backend logs.
    private struct Log {
        let handler = InMemoryLogHandler()
        let logger: Logger

        init() {
            let handler = handler
            var logger = Logger(label: "kubernetes") { _ in handler }
            logger.logLevel = .trace
            self.logger = logger
        }

        var codes: Set<String> {
            Set(handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } })
        }

        func expect(_ codes: MessageCode...) {
            let seen = self.codes
            for code in codes { #expect(seen.contains(code.id), "\(code.id)") }
        }

        func await(_ code: MessageCode) async throws {
            try await eventually(code.id) { codes.contains(code.id) }
        }
    }

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch {
            return (error as? CodedError)?.code.id ?? "\(error)"
        }
    }

    /// Starts `line` and waits until it has said "up".
    private func start(
        _ workspace: any Workspace,
        _ line: String,
        pty: PTYRequest? = nil
    ) async throws -> any Program {
        var request = ProgramRequest(kind: .exec(RawText("echo up; " + line)))
        request.pty = pty
        let program = try await workspace.start(request)
        var text = ""
        while !text.contains("up"), let piece = try await program.nextOutput() {
            text += String(buffer: piece.bytes)
        }
        return program
    }

    private static let terminal = PTYRequest(
        term: "xterm",
        size: WindowSize(columns: 80, rows: 24)
    )

    private func plain(_ config: inout KubernetesConfig) { config.pod.disableAgent = true }

    private func lasting(_ config: inout KubernetesConfig) {
        config.pod.disableAgent = true
        config.pod.mode = .persistent
        config.pod.createMissingPods = true
    }

    // MARK: - Without an agent

    @Test("the steps of a pod and its programs are told")
    func steps() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger, plain)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            log.expect(
                .kubernetesGuestAgentDisabled,
                .kubernetesPodCreate,
                .kubernetesPodWait,
                .kubernetesPodAttach
            )
            let program = try await start(workspace, "cat")
            await program.closeOutput()
            try await program.signal("TERM")
            _ = try await program.exit()
            log.expect(
                .kubernetesExec,
                .kubernetesPidReceived,
                .kubernetesCloseOutputFailed,
                .kubernetesExecSignal,
                .kubernetesExecSignalSuccessful
            )
            let late = await code { try await program.signal("TERM") }
            #expect(late == MessageCode.kubernetesSignalFailedExited.id)
            let shell = try await start(workspace, "cat", pty: Self.terminal)
            try await shell.resize(WindowSize(columns: 100, rows: 30))
            log.expect(.kubernetesExecResize)
            await shell.terminate()
            let gone = await code { try await shell.resize(WindowSize(columns: 1, rows: 1)) }
            #expect(gone == MessageCode.kubernetesProgramNotRunning.id)
            await workspace.close()
            log.expect(.kubernetesPodRemove, .kubernetesPodRemoveSuccessful)
            let closed = await code { _ = try await start(workspace, "cat") }
            #expect(closed == MessageCode.kubernetesPodShuttingDown.id)
        }
    }

    @Test("files, forwarding and subsystems that cannot be", arguments: [false, true])
    func refused(_ hasAgent: Bool) async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger) {
                $0.pod.disableAgent = !hasAgent
                $0.pod.agent.image = ClusterDouble.agentImage
                $0.pod.subsystems = [:]
            }
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            let nowhere = WorkspaceFile(path: "/proc/1/x/file", content: [1], mode: 0o600)
            let file = await code { try await workspace.putFile(nowhere) }
            #expect(file == MessageCode.kubernetesFileWriteFailed.id)
            log.expect(.kubernetesFileWrite)
            let subsystem = await code {
                _ = try await workspace.start(ProgramRequest(kind: .subsystem("unknown")))
            }
            #expect(subsystem == MessageCode.kubernetesSubsystemNotSupported.id)
            if !hasAgent {
                await #expect(throws: OperationUnsupported.self) {
                    _ = try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
                }
                log.expect(.kubernetesForwardingFailed)
            }
            await workspace.close()
        }
    }

    @Test("a signal that reaches nobody has failed; without a shell only an agent could send it")
    func failedSignals() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let backend = try KubernetesFixture.backend(cluster, plain)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            // Its child holds the output open, and is in a group of its own.
            let left = try await start(workspace, "setsid sleep 300 & exit 0")
            try await eventually("a signal fails") {
                await code { try await left.signal("TERM") }
                    == MessageCode.kubernetesExecSignalFailed.id
            }
            let program = try await start(workspace, "cat")
            try await cluster.tell("node", ["hidden": ["/bin/sh"]])
            let found = await code { try await program.signal("TERM") }
            #expect(found == MessageCode.kubernetesExecSignalFailedNoAgent.id)
            await workspace.close()
        }
    }

    @Test("a program that cannot be started, or whose stream is lost, is told")
    func lostProgram() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger, lasting)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            try await cluster.fault(["path": "/exec$", "status": 500, "times": 1])
            let refused = await code { _ = try await start(workspace, "cat") }
            #expect(refused == MessageCode.kubernetesExecFailed.id)
            let program = try await start(workspace, "cat", pty: Self.terminal)
            try await cluster.tell("drop")
            try await eventually("a resize fails") {
                let size = WindowSize(columns: 100, rows: 30)
                return await code { try await program.resize(size) }
                    == MessageCode.kubernetesExecResizeFailed.id
            }
            // Its pod goes on: nothing says what became of the program.
            let end = await code { _ = try await program.exit() }
            #expect(end == MessageCode.kubernetesExitCodeFailed.id)
            await workspace.close()
        }
    }

    @Test("the end of input cannot be told to a server that speaks v4 only")
    func olderProtocol() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.tell("protocols", ["protocols": ["v4.channel.k8s.io"]])
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger, plain)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            let program = try await start(workspace, "cat")
            await program.closeInput()
            log.expect(.kubernetesCloseInputUnsupported)
            await workspace.close()
        }
    }

    // MARK: - The life of a pod

    @Test("a pod that is not ready in time is removed, and the person told")
    func notInTime() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.tell("node", ["start": 600])
            let backend = try KubernetesFixture.backend(cluster) {
                $0.timeouts.podStart = .seconds(2)
            }
            let found = await code {
                _ = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            }
            #expect(found == MessageCode.kubernetesPodWaitFailed.id)
            #expect(try await cluster.pods().isEmpty)
        }
    }

    @Test("what the gateway may not do with its pod is told: marking and removing it")
    func missingRights() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger) {
                $0.pod.agent.image = ClusterDouble.agentImage
            }
            try await cluster.fault(["method": "PATCH", "status": 403, "times": 10])
            try await cluster.fault(["method": "DELETE", "status": 403, "times": 10])
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            try await log.await(.kubernetesPodMarkFailed)
            await workspace.close()
            log.expect(.kubernetesPodRemoveFailed)
        }
    }

    @Test("a mark that the server refuses for a while is made all the same")
    func markRepeated() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger) {
                $0.pod.agent.image = ClusterDouble.agentImage
            }
            try await cluster.fault(["method": "PATCH", "status": 503, "times": 3])
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            try await eventually("the pod is marked") {
                try await cluster.pods().first?.annotations[PodKeys.attached] == "true"
            }
            await workspace.close()
            #expect(!log.codes.contains(MessageCode.kubernetesPodMarkFailed.id))
        }
    }

    @Test("a watch that breaks is told, and so is an agent that is copied in")
    func brokenWatch() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            log.expect(.kubernetesAgentCopied)
            try await cluster.fault(["path": "/pods$", "status": 500, "times": 1])
            try await cluster.tell("drop", ["streams": false])
            try await log.await(.kubernetesWatchFailed)
            await workspace.close()
        }
    }

    @Test("a pod that another gateway made meanwhile is used; one that is idle goes")
    func lastingPods() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger) {
                lasting(&$0)
                $0.pod.idleTimeout = .seconds(1)
            }
            let request = KubernetesFixture.request(user: "erin")
            await (try await backend.openWorkspace(request) { _ in }).close()
            let made = try await cluster.pods().map(\.uid)
            // As if it were not there yet.
            try await cluster.fault([
                "method": "GET", "path": "/pods/berth-user-erin$", "status": 404, "times": 1,
            ])
            await (try await backend.openWorkspace(request) { _ in }).close()
            log.expect(.kubernetesPodFound)
            #expect(try await cluster.pods().map(\.uid) == made)
            try await eventually("the idle pod goes") {
                await backend.sweep()
                return try await cluster.pods().isEmpty
            }
            log.expect(.kubernetesPodIdle)
        }
    }

    @Test("a pod of the pool that does not answer is replaced by a new one")
    func pooled() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let log = Log()
            let pool = KubernetesPool(limits: PoolLimits(total: 4, memory: 0, fillers: 1))
            let backend = try KubernetesFixture.backend(cluster, logger: log.logger, pool: pool) {
                $0.pod.agent.image = ClusterDouble.agentImage
                $0.pool.maximum = 1
                $0.pool.minimum = 1
            }
            backend.startPool()
            try await eventually("a pod waits") { pool.waiting == 1 }
            let name = try #require(try await cluster.pods().first?.name)
            try await cluster.tell("freeze", ["namespace": "default", "name": .string(name)])
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            log.expect(.kubernetesPooledPodFailed)
            #expect(workspace.label != "pod-" + name)
            await workspace.close()
            try await eventually("another one waits") { pool.waiting == 1 }
            let second = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            log.expect(.kubernetesPodAdopted)
            await second.close()
            await pool.close()
        }
    }

    // MARK: - Requests

    @Test("what kuberun.pod.disableCommand has become refuses commands, and no shell")
    func disabledCommands() async throws {
        try await KubernetesFixture.withCluster { cluster in
            for (mode, hasAgent) in [
                (KubernetesPodConfig.Mode.connection, true), (.connection, false), (.session, true),
            ] {
                let backend = try KubernetesFixture.backend(cluster) {
                    $0.pod.agent.image = ClusterDouble.agentImage
                    $0.pod.disableCommand = true
                    $0.pod.mode = mode
                    $0.pod.disableAgent = !hasAgent
                }
                let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in
                }
                let refused = await code { _ = try await start(workspace, "true") }
                #expect(refused == MessageCode.kuberunExecDisabled.id)
                let shell = try await workspace.start(ProgramRequest(kind: .shell))
                await shell.closeInput()
                #expect(try await shell.exit() == .status(0))
                await workspace.close()
            }
        }
    }

    @Test("requests at the wrong time have the backend's codes")
    func wrongTimes() {
        let codes = KubernetesBackend.requestCodes
        #expect(codes?.alreadyRunning == .kubernetesProgramAlreadyRunning)
        #expect(codes?.signalTooEarly == .kubernetesSignalFailedNoPid)
        #expect(codes?.notRunning == .kubernetesProgramNotRunning)
    }
}
