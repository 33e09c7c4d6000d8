import BackendConformance
import Foundation
import GatewayCore
import Logging
import InMemoryLogging
import GuestAgent
import NIOCore
import SharedConfig
import SharedDocker
import SharedMessages
import SharedSSH
import Testing

@testable import DockerBackend

@Suite("The agent in a container", .enabled(if: Engine.isThere, Engine.reason))
struct DockerAgentTests {
    private func opening(
        _ change: (inout DockerConfig) -> Void
    ) async throws -> (CodedError, leftovers: [String]) {
        let subject = try DockerFixture.subject(change)
        let id = ConformanceSubject.newConnectionID()
        let error = await #expect(throws: CodedError.self) {
            let workspace = try await subject.backend.openWorkspace(DockerFixture.request(id)) {
                _ in
            }
            await workspace.close()
        }
        return (try #require(error), try await subject.leftovers(id))
    }

    @Test("a container that dies ends its programs with a text for the person")
    func containerDies() async throws {
        let subject = try DockerFixture.subject()
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await subject.backend.openWorkspace(DockerFixture.request(id)) { _ in }
        let program = try await workspace.start(
            ProgramRequest(kind: .exec("echo ready; sleep 300"))
        )
        _ = try await program.read(until: "ready")
        let container = try #require(try await subject.leftovers(id).first)
        let client = try Engine.client()
        try await client.killContainer(container)
        let error = await #expect(throws: CodedError.self) { _ = try await program.exit() }
        #expect(error?.code == .agentLost)
        #expect(error?.personText != nil)
        await #expect(throws: CodedError.self) {
            _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
        }
        await workspace.close()
        let left = try await subject.leftovers(id)
        #expect(left.isEmpty)
        client.shutdown()
    }

    @Test("files for sftp come from the agent where the image has no server")
    func ownSFTPServer() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.subsystems = ["sftp": "/no/sftp-server", "other": "/no/other"]
        }
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .subsystem("sftp")))
            // SSH_FXP_INIT, version 3; the answer is SSH_FXP_VERSION.
            try await program.write(ByteBuffer(bytes: [0, 0, 0, 5, 1, 0, 0, 0, 3]))
            let answer = try #require(try await program.nextOutput())
            #expect(answer.bytes.getInteger(at: 4, as: UInt8.self) == 2)
            await program.closeInput()
            let exit = try await program.exit()
            #expect(exit == .status(0))
            await program.terminate()
            let error = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .subsystem("other")))
            }
            #expect((error?.cause as? AgentRefusal)?.isMissing == true)
        }
    }

    @Test("programs find the agent's scp behind everything that the image has")
    func pathEndsWithOurs() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.container = [
                "image": .string(Engine.image), "env": ["PATH=/bin:/sbin", "KEPT=yes"],
            ]
        }
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("echo $PATH $KEPT; command -v scp")
            #expect(done.output == "/bin:/sbin:/.berth/bin yes\n/.berth/bin/scp\n")
        }
    }

    @Test("folder and user of the container are those of programs")
    func folderAndUser() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.container = [
                "image": .string(Engine.image), "user": "4711:4712", "workingdir": "/var",
            ]
        }
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("id -u; id -g; pwd; ls -ld /.berth | cut -c1-10")
            #expect(done.output == "4711\n4712\n/var\ndrwxr-xr-x\n")
        }
    }

    @Test("the default login shell is one that the image has")
    func spareShell() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.shellCommand = DockerExecutionConfig().shellCommand
        }
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .shell))
            try await program.write(ByteBuffer(string: "echo $0; exit 3\n"))
            let done = try await program.finish()
            #expect(done.output == "/bin/sh\n")
            #expect(done.exit == .status(3))
        }
        let own = try DockerFixture.subject { $0.execution.shellCommand = ["/no/shell"] }
        try await own.withWorkspace { workspace in
            let error = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .shell))
            }
            #expect(error?.code == .agentProgramStartFailed)
        }
    }

    @Test("the folder is bound where the engine sees it, else the agent is copied")
    func delivery() async throws {
        let mounted = try DockerFixture.subject { $0.execution.agent.delivery = .mount }
        try await mounted.withWorkspace { workspace in
            let done = try await workspace.run("grep -c ' /.berth ' /proc/mounts")
            #expect(done.output == "1\n")
        }
        let copied = try DockerFixture.subject { $0.execution.agent.delivery = .copy }
        try await copied.withWorkspace { workspace in
            let done = try await workspace.run("grep -c ' /.berth ' /proc/mounts; ls /.berth")
            #expect(done.output == "0\nagent\nbin\n")
        }
    }

    /// Counts the ends of connections in the container's network: the agent's own is the only one.
    private static let countConnections = "awk '$6 == \"03\"' /proc/net/unix | wc -l"

    @Test("beside the engine the agent calls the gateway itself; through the engine it works, too")
    func direct() async throws {
        for (delivery, count) in [(DockerAgentConfig.Delivery.mount, "2\n"), (.copy, "0\n")] {
            let subject = try DockerFixture.subject { $0.execution.agent.delivery = delivery }
            try await subject.withWorkspace { workspace in
                let done = try await workspace.run(Self.countConnections)
                #expect(done.output == count)
                let links = try Engine.agent.socketFolder()
                #expect(FileManager.default.fileExists(atPath: links))
            }
        }
    }

    @Test(
        "without room for a socket's name the agent is reached through the engine, and it is told"
    )
    func noSocket() async throws {
        let folder = Engine.agentFolder + "/" + String(repeating: "long", count: 25)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let handler = InMemoryLogHandler()
        let backend = try DockerBackend(
            config: DockerFixture.config { $0.execution.agent.delivery = .mount },
            agent: AgentFiles(program: Engine.agentProgram, folder: folder),
            logger: Logger(label: "docker") { _ in handler }
        )
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
        let done = try await workspace.run(Self.countConnections)
        await workspace.close()
        #expect(done.output == "0\n")
        let codes = handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
        #expect(codes.contains(MessageCode.dockerAgentSocketFailed.id))
    }

    @Test("an engine that does not see our files gets copies, if the choice is its own")
    func unseenFolder() async throws {
        let unseen = AgentFiles(program: Engine.agentProgram, folder: "/proc/self/no-such")
        for delivery in [DockerAgentConfig.Delivery.auto, .mount] {
            let config = DockerFixture.config { $0.execution.agent.delivery = delivery }
            let backend = try DockerBackend(config: config, agent: unseen, logger: Engine.silent)
            let id = ConformanceSubject.newConnectionID()
            do {
                let workspace = try await backend.openWorkspace(DockerFixture.request(id)) { _ in }
                let done = try await workspace.run("echo here")
                await workspace.close()
                #expect(done.output == "here\n")
                #expect(delivery == .auto)
            } catch let error as CodedError {
                #expect(error.code == .agentFilesFailed)
                #expect(delivery == .mount)
            }
        }
    }

    @Test("a read-only root takes no copy, and the person is told")
    func readOnlyRoot() async throws {
        let (error, left) = try await opening {
            $0.execution.agent.delivery = .copy
            $0.execution.host = ["readonlyrootfs": true]
        }
        #expect(error.code == .dockerContainerCreateFailed)
        #expect(error.personText != nil)
        #expect(left.isEmpty)
        let mounted = try DockerFixture.subject {
            $0.execution.agent.delivery = .mount
            $0.execution.host = ["readonlyrootfs": true]
        }
        try await mounted.withWorkspace { workspace in
            let done = try await workspace.run("echo works")
            #expect(done.output == "works\n")
        }
    }

    @Test("a first process that is no agent is an error in time and leaves nothing")
    func noAgent() async throws {
        let (error, left) = try await opening {
            $0.execution.container = [
                "image": .string(Engine.image),
                "entrypoint": ["/bin/sh", "-c", "echo oh no >&2; exit 3"],
            ]
        }
        #expect(error.code == .dockerContainerStartFailed)
        #expect(error.detail.contains("oh no"), "\(error)")
        #expect(left.isEmpty)
        let (silent, rest) = try await opening {
            $0.execution.container = [
                "image": .string(Engine.image), "entrypoint": ["/bin/sh", "-c", "sleep 100"],
            ]
            $0.timeouts.containerStart = .seconds(8)
        }
        #expect(silent.code == .dockerContainerStartFailed)
        #expect(rest.isEmpty)
    }

    @Test("an idle command of one's own runs beside, and its end is the container's")
    func ownIdleCommand() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.idleCommand = [
                "/bin/sh", "-c", "echo x >/tmp/idle; until test -e /tmp/end; do sleep 0.1; done",
            ]
        }
        try await subject.withWorkspace { workspace in
            try await eventually(.seconds(90), "the idle command runs") {
                try await workspace.run("cat /tmp/idle").output == "x\n"
            }
            let program = try await workspace.start(ProgramRequest(kind: .exec("sleep 100")))
            _ = try await workspace.run(": >/tmp/end")
            let error = await #expect(throws: CodedError.self) { _ = try await program.exit() }
            #expect(error?.personText != nil)
        }
    }

    @Test("without the agent forwarding is refused, and the log says why")
    func disabled() async throws {
        let subject = try DockerFixture.subject { $0.execution.disableAgent = true }
        try await subject.withWorkspace { workspace in
            _ = await #expect(throws: OperationUnsupported.self) {
                _ = try await workspace.listen(.agent)
            }
        }
    }
}
