import BackendConformance
import BackendPool
import GatewayCore
import GuestAgent
import InMemoryLogging
import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedMessages
import SharedSSH
import Testing

@testable import DockerBackend

/// Calls that the engine refuses, one at a time: the code of each, and that nothing is left.
@Suite("Calls that an engine refuses", .enabled(if: Engine.isThere, Engine.reason))
struct EngineFaultCodeTests {
    private let log = InMemoryLogHandler()
    private let id = ConformanceSubject.newConnectionID()

    private var logger: Logger {
        var logger = Logger(label: "docker") { [log] _ in log }
        logger.logLevel = .trace
        return logger
    }

    private func logged(_ code: MessageCode) -> Bool {
        log.entries.contains { $0.metadata["code"] == "\(code.id)" }
    }

    private func backend(
        _ proxy: EngineProxy,
        _ change: (inout DockerConfig) -> Void = { _ in }
    ) throws -> DockerBackend {
        let config = DockerFixture.config {
            $0.connection.host = "unix://" + proxy.socket
            $0.execution.disableAgent = true
            change(&$0)
        }
        return try DockerBackend(config: config, agent: Engine.agent, logger: logger)
    }

    /// Runs `body` with a workspace behind a proxy, and sees to it that nothing stays.
    private func withWorkspace(
        _ change: (inout DockerConfig) -> Void = { _ in },
        _ body: (any Workspace, EngineProxy) async throws -> Void
    ) async throws {
        try await EngineProxy.run { proxy in
            let workspace = try await backend(proxy, change)
                .openWorkspace(DockerFixture.request(id)) { _ in }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(workspace, proxy))
            } catch {
                result = .failure(error)
            }
            proxy.permitAll()
            await workspace.close()
            try result.get()
            #expect(try await Engine.containers(of: id).isEmpty)
        }
    }

    private func started(_ workspace: any Workspace, _ command: String) async throws -> any Program
    {
        let program = try await workspace.start(ProgramRequest(kind: .exec(RawText(command))))
        _ = try await program.read(until: "up")
        return program
    }

    @Test("every step of an opening is told, and an image that is asked for is looked for")
    func steps() async throws {
        try await withWorkspace({ $0.execution.imagePullPolicy = .ifNotPresent }) { workspace, _ in
            try await workspace.putFile(WorkspaceFile(path: "/tmp/x", content: [1]))
        }
        for code: MessageCode in [
            .dockerImagePullNeededChecking, .dockerImageListing, .dockerContainerCreate,
            .dockerContainerAttach, .dockerContainerStart, .dockerFileWrite,
            .dockerContainerRemoveSuccessful,
        ] { #expect(logged(code), "\(code.id)") }
    }

    @Test(
        "an opening that is refused has the code of its step, words for the person, and no rest",
        arguments: [
            ("GET", "/images/", MessageCode.dockerImageListingFailed),
            ("POST", "/images/create", .dockerImagePullFailed),
            ("POST", "/containers/create", .dockerContainerCreateFailed),
            ("POST", "/attach", .dockerContainerAttachFailed),
            ("POST", "/start", .dockerContainerStartFailed),
        ]
    )
    func openings(_ method: String, _ path: String, _ code: MessageCode) async throws {
        try await EngineProxy.run { proxy in
            if code == .dockerImagePullFailed {
                proxy.refuse("GET", "/images/", status: 404)
            }
            proxy.refuse(method, path)
            let backend = try backend(proxy) { $0.execution.imagePullPolicy = .ifNotPresent }
            let error = await #expect(throws: CodedError.self) {
                _ = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
            }
            #expect(error?.code == code)
            #expect(error?.personText ?? code.personText != nil)
            if code == .dockerImagePullFailed { #expect(logged(.dockerImagePull)) }
            #expect(try await Engine.containers(of: id).isEmpty)
        }
    }

    @Test(
        "a program that the engine refuses to start has the code of its step",
        arguments: [
            ("/exec", MessageCode.dockerExecCreateFailed), ("/start", .dockerExecAttachFailed),
        ]
    )
    func programs(_ path: String, _ code: MessageCode) async throws {
        try await withWorkspace { workspace, proxy in
            proxy.refuse("POST", path)
            let error = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
            }
            #expect(error?.code == code)
            #expect(error?.personText ?? code.personText != nil)
        }
    }

    @Test("sizes and signals are told, and so is that they failed")
    func control() async throws {
        try await withWorkspace { workspace, proxy in
            let terminal = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("echo up; exec sleep 300"), pty: terminal)
            )
            _ = try await program.read(until: "up")
            try await program.resize(WindowSize(columns: 90, rows: 25))
            #expect(logged(.dockerExecResize))
            proxy.refuse("POST", "/resize")
            let size = await #expect(throws: CodedError.self) {
                try await program.resize(WindowSize(columns: 91, rows: 26))
            }
            #expect(size?.code == .dockerExecResizeFailed)
            let unknown = await #expect(throws: CodedError.self) {
                try await program.signal("NONSENSE")
            }
            #expect(unknown?.code == .dockerExecSignalFailed)
            try await program.signal("TERM")
            #expect(logged(.dockerExecSignal) && logged(.dockerExecSignalSuccessful))
            guard case .signal(name: "TERM", _, _) = try await program.exit() else {
                Issue.record("not ended by the signal")
                return
            }
        }
    }

    @Test("an exit that the engine does not tell has a code, and so has one that is none")
    func exits() async throws {
        try await withWorkspace { workspace, proxy in
            let still = try await started(workspace, "echo up; exec cat")
            try await eventually(.seconds(90), "it is asked") {
                logged(.dockerExitCodeStillRunning)
            }
            proxy.refuse("GET", "/exec/")
            await still.closeInput()
            let error = await #expect(throws: CodedError.self) {
                while try await still.nextOutput() != nil {}
                _ = try await still.exit()
            }
            #expect(error?.code == .dockerExitCodeFailed)
            proxy.permitAll()
            let other = try await started(workspace, "echo up; exec cat")
            proxy.refuse("GET", "/exec/", status: 200, body: #"{"Running":false,"ExitCode":-1}"#)
            await other.closeInput()
            #expect(try await other.exit() == .status(255))
            #expect(logged(.dockerExitCodeNegative))
        }
    }

    @Test("input that is lost with the engine is told")
    func lostInput() async throws {
        try await withWorkspace { workspace, proxy in
            let program = try await started(workspace, "echo up; exec cat")
            // Its exit is not learned: otherwise nobody would pass on its input.
            proxy.refuse("GET", "/exec/", status: 503)
            await proxy.cut()
            try await eventually(.seconds(90), "it is told") {
                _ = try await program.write(ByteBuffer(string: "lost\n"))
                return logged(.dockerStreamInputFailed)
            }
            proxy.permitAll()
        }
    }

    @Test("a container of a session that cannot be stopped or killed is removed all the same")
    func sessions() async throws {
        try await withWorkspace({ $0.execution.mode = .session }) { workspace, proxy in
            proxy.refuse("POST", "/stop")
            proxy.refuse("POST", "/kill")
            _ = try await workspace.run("true")
            #expect(logged(.dockerContainerStopFailed))
            let program = try await started(workspace, "echo up; exec sleep 300")
            await program.terminate()
            #expect(logged(.dockerContainerSignalFailed))
            #expect(try await Engine.containers(of: id).isEmpty)
        }
    }

    @Test("a container that the engine does not remove is told")
    func removal() async throws {
        try await EngineProxy.run { proxy in
            let backend = try backend(proxy)
            let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
            proxy.refuse("DELETE", "/containers/")
            await workspace.close()
            #expect(logged(.dockerContainerRemoveFailed))
        }
        // It ends by itself: nobody is attached any more.
        try await eventually(.seconds(90), "it is gone") {
            try await Engine.containers(of: id).isEmpty
        }
    }

    @Test("what is asked of a workspace that is closed, or not configured, is refused")
    func refusals() async throws {
        try await withWorkspace { workspace, _ in
            let unknown = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .subsystem("netconf")))
            }
            #expect(unknown?.code == .dockerSubsystemNotSupported)
            await workspace.close()
            let late = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
            }
            #expect(late?.code == .dockerContainerShuttingDown)
        }
    }

    // MARK: - Around the agent

    @Test("an agent that cannot be bound into containers is told to be copied")
    func copied() async throws {
        let client = try Engine.client()
        defer { client.shutdown() }
        let delivery = AgentDelivery(
            files: Engine.agent,
            asked: .auto,
            engine: client,
            logger: logger
        )
        let refusal = EngineRefusal(
            status: 400,
            message: "invalid mount config: bind source path does not exist: /x"
        )
        let error = CodedError(
            .dockerContainerCreateFailed,
            detail: refusal.description,
            cause: refusal
        )
        #expect(delivery.canChange(.mount("/x"), after: error))
        #expect(logged(.dockerAgentCopied))
    }

    @Test("a container of the pool is told to be adopted, and what goes wrong with it")
    func pooled() async throws {
        try await EngineProxy.run { proxy in
            let mark = ConformanceSubject.newConnectionID()
            let pool = DockerPool(limits: PoolLimits(total: 4, memory: 0, fillers: 2))
            let backend = try DockerBackend(
                config: DockerFixture.config {
                    $0.connection.host = "unix://" + proxy.socket
                    $0.execution.container = [
                        "image": .string(Engine.image), "labels": [mark: "x"],
                    ]
                    $0.pool.minimum = 1
                    $0.pool.maximum = 1
                },
                agent: Engine.agent,
                pool: pool,
                logger: logger
            )
            backend.startPool()
            let client = try Engine.client()
            defer { client.shutdown() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await adopt(backend, pool, proxy, client, mark))
            } catch {
                result = .failure(error)
            }
            await pool.close()
            try result.get()
        }
    }

    private func adopt(
        _ backend: DockerBackend,
        _ pool: DockerPool,
        _ proxy: EngineProxy,
        _ client: EngineClient,
        _ mark: String
    ) async throws {
        try await eventually(.seconds(90), "one waits") { pool.waiting == 1 }
        proxy.refuse("POST", "/rename")
        let first = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        #expect(logged(.dockerContainerAdopted))
        try await eventually(.seconds(90), "its name is not taken") {
            logged(.dockerContainerRenameFailed)
        }
        await first.close()
        try await eventually(.seconds(90), "one waits") { pool.waiting == 1 }
        for waiting in try await client.containers(labels: [mark]) {
            try await client.pauseContainer(waiting.id)
        }
        let second = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        #expect(logged(.dockerPooledContainerFailed))
        await second.close()
    }

    @Test("what becomes of containers that stay is told")
    func staying() async throws {
        let kept = try DockerFixture.subject(logger: logger) { $0.execution.resume = .seconds(30) }
        try await kept.withWorkspace(connectionID: id) { _ in }
        #expect(logged(.dockerContainerKept))
        for container in try await Engine.containers(of: id) {
            try await Engine.client().removeContainer(container)
        }
        try await DockerFixture.withLasting { _, name in
            let subject = try DockerFixture.subject(logger: logger) {
                $0.execution.mode = .persistent
                $0.execution.createMissing = true
                $0.execution.containerName = name
                $0.execution.idleTimeout = .milliseconds(300)
            }
            try await subject.withWorkspace { _ in }
            try await eventually(.seconds(90), "it is stopped") { logged(.dockerContainerIdle) }
            try await subject.withWorkspace { _ in }
            #expect(logged(.dockerContainerFound))
        }
    }
}
