import BackendConformance
import Foundation
import GatewayCore
import NIOCore
import SharedConfig
import SharedDocker
import SharedMessages
import SharedSSH
import StubHTTPServer
import Testing

@testable import DockerBackend

@Suite("Faults of a Docker engine that is there", .enabled(if: Engine.isThere, Engine.reason))
struct DockerFaultTests {
    private func opening(
        _ change: (inout DockerConfig) -> Void
    ) async throws -> (CodedError, leftovers: [String]) {
        let subject = try DockerFixture.subject(change)
        let id = ConformanceSubject.newConnectionID()
        let error = await #expect(throws: CodedError.self) {
            _ = try await subject.backend.openWorkspace(DockerFixture.request(id)) { _ in }
        }
        return (try #require(error), try await subject.leftovers(id))
    }

    @Test("an image that is missing is an error at once under the policy Never")
    func missingImage() async throws {
        let (error, left) = try await opening {
            $0.execution.container = ["image": "berth-test/no-such-image"]
        }
        #expect(error.code == .dockerContainerCreateFailed)
        #expect(error.engineStatus == 404)
        #expect(error.personText != nil)
        #expect(left.isEmpty)
    }

    @Test(
        "a name that is none is refused, whatever the policy",
        arguments: [DockerExecutionConfig.PullPolicy.never, .ifNotPresent, .always]
    )
    func badName(_ policy: DockerExecutionConfig.PullPolicy) async throws {
        let (error, left) = try await opening {
            $0.execution.container = ["image": "BAD NAME//:x"]
            $0.execution.imagePullPolicy = policy
        }
        #expect(error.code.id.hasPrefix("DOCKER_"))
        #expect(left.isEmpty)
    }

    @Test("a command that the image does not have is an error at once and leaves nothing")
    func badEntrypoint() async throws {
        let (error, left) = try await opening {
            $0.execution.container = ["image": .string(Engine.image), "entrypoint": ["/no/such"]]
        }
        #expect(error.code == .dockerContainerStartFailed)
        #expect(left.isEmpty)
    }

    @Test("a container that dies ends its programs, and they say so")
    func containerDies() async throws {
        let subject = try DockerFixture.subject { $0.execution.disableAgent = true }
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
        #expect(error?.code == .dockerContainerEnded)
        await #expect(throws: CodedError.self) {
            _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
        }
        await workspace.close()
        let left = try await subject.leftovers(id)
        #expect(left.isEmpty)
        client.shutdown()
    }

    @Test("an idle command of one's own runs, and ends with its gateway's connection")
    func ownIdleCommand() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.disableAgent = true
            $0.execution.idleCommand = ["/bin/sh", "-c", "echo x >/tmp/idle; exec sleep 1000"]
        }
        let id = ConformanceSubject.newConnectionID()
        let backend = try #require(subject.backend as? DockerBackend)
        let container = try await backend.openContainer(DockerFixture.request(id)) { _ in }
        let alive = try await subject.leftovers(id)
        #expect(alive.count == 1)
        // As the kernel does it when a gateway is killed.
        await container.lifeline?.close()
        try await eventually(.seconds(90), "the container ends by itself") {
            try await subject.leftovers(id).isEmpty
        }
    }

    @Test("what a gateway created and never started is removed when its lease is over")
    func reaping() async throws {
        let client = try Engine.client()
        defer { client.shutdown() }
        let id = ConformanceSubject.newConnectionID()
        func create(_ lease: Duration) async throws -> String {
            let spec = ContainerSpec(
                DockerFixture.config().execution,
                DockerFixture.request(id),
                ContainerLease(instance: "dead", time: lease)
            )
            let body = Array(spec.body.json.utf8)
            return try await client.createContainer(name: "", body: body)
        }
        let over = try await create(.seconds(-100))
        let valid = try await create(.seconds(1000))
        let reaper = ContainerReaper(engine: client, logger: Engine.silent)
        // Engines fail to list containers while others remove theirs.
        try await eventually(.seconds(90), "the sweep removes it") {
            await reaper.sweep()
            return try await Engine.containers(of: id) == [valid]
        }
        try await client.removeContainer(valid)
        #expect(over != valid)
    }

    @Test("twenty workspaces at once open, work and leave nothing")
    func many() async throws {
        let subject = try DockerFixture.subject()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let id = ConformanceSubject.newConnectionID()
                    try await subject.withWorkspace(connectionID: id) { workspace in
                        let done = try await workspace.run("echo \(number); exit \(number)")
                        #expect(done.output == "\(number)\n")
                        #expect(done.exit == .status(UInt32(number)))
                    }
                    let left = try await subject.leftovers(id)
                    #expect(left.isEmpty)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a status above 128 is a status unless the signal came from us")
    func statusAbove128() async throws {
        try await DockerFixture.subject().withWorkspace { workspace in
            let done = try await workspace.run("exit 143")
            #expect(done.exit == .status(143))
        }
    }

    @Test("a program that is missing is said to be missing")
    func missingSubsystem() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.disableAgent = true
            $0.execution.subsystems = ["sftp": "/no/sftp-server"]
        }
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .subsystem("sftp")))
            let done = try await program.finish()
            #expect(done.exit == .status(127))
        }
        await #expect(throws: CodedError.self) {
            try await subject.withWorkspace { workspace in
                _ = try await workspace.start(ProgramRequest(kind: .subsystem("netconf")))
            }
        }
    }
}

@Suite("Faults of an engine that is none")
struct EngineFaultTests {
    private func open(_ host: String) async -> CodedError? {
        let config = DockerFixture.config {
            $0.connection.host = host
            $0.timeouts.containerStart = .milliseconds(1500)
            $0.timeouts.containerStop = .milliseconds(500)
            $0.timeouts.http = .milliseconds(300)
        }
        return await #expect(throws: CodedError.self) {
            let backend = try DockerBackend(
                config: config,
                agent: Engine.agent,
                logger: Engine.silent
            )
            _ = try await backend.openWorkspace(DockerFixture.request("00")) { _ in }
        }
    }

    @Test("an engine that is not there is an error with a text for the person")
    func down() async throws {
        let error = try #require(await open("unix:///nonexistent/docker.sock"))
        #expect(error.code.id.hasPrefix("DOCKER_"))
        #expect(error.personText != nil)
    }

    @Test("an engine that never answers is given up in time")
    func hanging() async throws {
        let start = ContinuousClock.now
        try await StubHTTPServer.run({ _, _ in .silence }) { url, _ in
            let error = try #require(await self.open(url))
            #expect(error.code.id.hasPrefix("DOCKER_"))
        }
        // The limits add up to some seconds; a busy machine needs more.
        #expect(ContinuousClock.now - start < .seconds(180))
    }

    @Test("an engine that hangs up is given up in time")
    func hangingUp() async throws {
        try await StubHTTPServer.run({ _, _ in .hangUp }) { url, _ in
            let error = try #require(await self.open(url))
            #expect(error.code.id.hasPrefix("DOCKER_"))
        }
    }

    @Test("a creation without answer is followed by a removal of what it may have made")
    func lostAnswer() async throws {
        try await StubHTTPServer.run({ request, _ in
            if request.path == "/_ping" {
                return .reply(headers: ["Api-Version": "1.41"], body: "OK")
            }
            if request.method == "DELETE" { return .reply(status: 204) }
            return .silence
        }) { url, stub in
            _ = await self.open(url)
            try await eventually(.seconds(90), "it is removed") {
                stub.requests.contains {
                    $0.method == "DELETE" && $0.path.hasPrefix("/v1.41/containers/berth-00?")
                }
            }
        }
    }
}
