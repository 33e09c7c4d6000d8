import BackendConformance
import GatewayCore
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedDocker
import SharedMessages
import SharedSSH
import Testing

@testable import DockerBackend

@Suite("What the log says about a container", .enabled(if: Engine.isThere, Engine.reason))
struct DockerCodeTests {
    /// A backend without an agent, and all that it logs.
    private func logging(
        _ change: (inout DockerConfig) -> Void = { _ in }
    ) throws -> (DockerBackend, InMemoryLogHandler) {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "docker") { _ in handler }
        logger.logLevel = .trace
        let config = DockerFixture.config {
            $0.execution.disableAgent = true
            change(&$0)
        }
        return (try DockerBackend(config: config, agent: Engine.agent, logger: logger), handler)
    }

    private func codes(_ handler: InMemoryLogHandler) -> Set<String> {
        Set(handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } })
    }

    @Test("the steps of a program without an agent are told")
    func steps() async throws {
        let (backend, log) = try logging()
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        let program = try await workspace.start(ProgramRequest(kind: .exec("echo up; cat")))
        _ = try await program.read(until: "up")
        await program.closeOutput()
        await program.closeInput()
        #expect(try await program.exit() == .status(0))
        let error = await #expect(throws: CodedError.self) { try await program.signal("TERM") }
        #expect(error?.code == .dockerProgramNotRunning)
        await workspace.close()
        let expected: [MessageCode] = [
            .dockerGuestAgentDisabled, .dockerExec, .dockerExecCreate, .dockerExecAttach,
            .dockerCloseOutputFailed, .dockerExitCode, .dockerContainerRemove,
            .dockerContainerRemoveSuccessful,
        ]
        let seen = codes(log)
        for code in expected { #expect(seen.contains(code.id), "\(code.id)") }
    }

    @Test("input for a program whose container was removed is told to have failed")
    func lostInput() async throws {
        let (backend, log) = try logging()
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        let program = try await workspace.start(ProgramRequest(kind: .exec("echo up; cat")))
        _ = try await program.read(until: "up")
        await program.terminate()
        await program.closeInput()
        await workspace.close()
        #expect(codes(log).contains(MessageCode.dockerCloseInputFailed.id))
    }

    @Test("a signal where neither agent nor shell is left says what it would need")
    func signalWithoutShell() async throws {
        let (backend, _) = try logging()
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        let program = try await workspace.start(
            ProgramRequest(kind: .exec("rm /bin/sh; echo up; exec sleep 300"))
        )
        _ = try await program.read(until: "up")
        let error = await #expect(throws: CodedError.self) { try await program.signal("TERM") }
        #expect(error?.code == .dockerExecSignalFailedNoAgent)
        await workspace.close()
        #expect(try await Engine.containers(of: id).isEmpty)
    }

    @Test("the end of a session's container is told: stopped after its program, or killed")
    func sessions() async throws {
        let (backend, log) = try logging { $0.execution.mode = .session }
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        _ = try await workspace.run("true")
        #expect(codes(log).contains(MessageCode.dockerContainerStop.id))
        let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
        await program.terminate()
        #expect(codes(log).contains(MessageCode.dockerContainerSignal.id))
        await #expect(throws: OperationUnsupported.self) {
            _ = try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
        }
        #expect(codes(log).contains(MessageCode.dockerForwardingFailed.id))
        await workspace.close()
    }

    @Test("a container that is started anew under a program is told to be the reason of its end")
    func restarted() async throws {
        try await DockerFixture.withLasting { _, name in
            let (backend, log) = try logging {
                $0.execution.mode = .persistent
                $0.execution.createMissing = true
                $0.execution.containerName = name
            }
            let id = ConformanceSubject.newConnectionID()
            let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
            let program = try await workspace.start(ProgramRequest(kind: .exec("echo up; cat")))
            _ = try await program.read(until: "up")
            let client = try Engine.client()
            defer { client.shutdown() }
            try await client.stopContainer(name, grace: 0, within: .seconds(20))
            try await client.startContainer(name)
            // The engine may still know how the program ended, and then nothing is amiss.
            let exit = try? await program.exit()
            await workspace.close()
            let seen = codes(log)
            if exit == nil {
                #expect(seen.contains(MessageCode.dockerContainerEnded.id))
                let isTold = seen.contains(MessageCode.dockerExitCodeContainerRestarting.id)
                #expect(isTold || seen.contains(MessageCode.dockerExitCode.id))
            } else {
                #expect(seen.contains(MessageCode.dockerExitCode.id))
            }
        }
    }
}
