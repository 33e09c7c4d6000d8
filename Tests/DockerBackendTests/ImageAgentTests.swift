import BackendConformance
import Foundation
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

@Suite("The agent that an image has brought", .enabled(if: Engine.isThere, Engine.reason))
struct ImageAgentTests {
    private let log = InMemoryLogHandler()

    private func subject(
        image: String? = nil,
        _ change: (inout DockerConfig) -> Void = { _ in }
    ) async throws -> ConformanceSubject {
        var logger = Logger(label: "docker") { [log] _ in log }
        logger.logLevel = .trace
        let name: String
        if let image { name = image } else { name = try await AgentImage.name() }
        return try DockerFixture.subject(logger: logger) {
            $0.execution.container = ["image": .string(name)]
            $0.execution.agent.delivery = .none
            change(&$0)
        }
    }

    private func logged(_ code: MessageCode) -> [Logger.Metadata] {
        log.entries.map(\.metadata).filter { $0["code"] == "\(code.id)" }
    }

    private func dial(_ workspace: any Workspace) async throws -> any WorkspaceStream {
        var config = SecurityForwardingConfig()
        config.forwardingMode = .enable
        let place = DialDestination.unixSocket(path: "/tmp/none")
        return try await workspace.dial(
            place,
            permission: DialPermission(DestinationRules(config), to: place)
        )
    }

    @Test("nothing of ours is in the container, and it works without a shell of its own")
    func nothingOfOurs() async throws {
        try await subject().withWorkspace { workspace in
            let done = try await workspace.run("ls -d /.berth; cat /proc/1/cmdline | tr '\\0' ' '")
            #expect(done.errors.contains("/.berth"))
            // The engine's init is the first process, and has the agent as its child.
            #expect(done.output.contains("\(AgentImage.path) console --wait"))
        }
    }

    @Test("a container ends with its gateway's connection")
    func lifeline() async throws {
        let subject = try await subject()
        let id = ConformanceSubject.newConnectionID()
        let backend = try #require(subject.backend as? DockerBackend)
        let container = try await backend.openContainer(DockerFixture.request(id)) { _ in }
        #expect(try await subject.leftovers(id).count == 1)
        // As the kernel does it when a gateway is killed.
        await container.lifeline?.close()
        try await eventually(.seconds(90), "the container ends by itself") {
            try await subject.leftovers(id).isEmpty
        }
    }

    @Test("an image without one is an error at once and leaves nothing")
    func missing() async throws {
        let subject = try await subject(image: Engine.image)
        let id = ConformanceSubject.newConnectionID()
        let error = await #expect(throws: CodedError.self) { _ = try await subject.open(id) }
        #expect(error?.code == .dockerContainerStartFailed)
        #expect(error?.personText != nil)
        #expect(try await subject.leftovers(id).isEmpty)
    }

    @Test("one that tells no process id is said to have told none")
    func noProcess() async throws {
        try await subject().withWorkspace { workspace in
            _ = try await workspace.run("rm \(AgentImage.path)")
            let error = await #expect(throws: CodedError.self) {
                _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
            }
            #expect(error?.code == .dockerExecPidReadFailed)
            #expect(error?.personText != nil)
            #expect((error?.cause as? CodedError)?.code == .dockerAgentReadFailed)
            #expect(!logged(.dockerAgentReadFailed).isEmpty)
            let refused = await #expect(throws: CodedError.self) { _ = try await dial(workspace) }
            #expect(refused?.code == .dockerForwardingFailed)
            #expect(logged(.dockerAgentFailed).contains { $0["reason"] != nil })
        }
    }

    @Test("signals without an agent say what they would need")
    func signalWithoutAgent() async throws {
        try await subject().withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("rm \(AgentImage.path); echo up; exec sleep 300"))
            )
            _ = try await program.read(until: "up")
            let error = await #expect(throws: CodedError.self) { try await program.signal("TERM") }
            #expect(error?.code == .dockerExecSignalFailedNoAgent)
        }
    }

    @Test("what a forwarding agent says and how it ends is in the log")
    func agentsWords() async throws {
        try await subject().withWorkspace { workspace in
            let error = await #expect(throws: CodedError.self) {
                _ = try await workspace.listen(.unixSocket(path: "/no/such/folder/socket"))
            }
            #expect(error?.code == .agentListenFailed)
            // The engine knows the status for as long as the container is there.
            try await eventually(.seconds(90), "its status is known") {
                logged(.dockerAgentFailed).contains { $0["exitCode"] == "1" }
            }
        }
        #expect(logged(.dockerAgentLog).contains { "\($0["text"] ?? "")".contains("listener") })
    }

    @Test("a file that cannot be written is told with the agent's reason")
    func badFile() async throws {
        try await subject().withWorkspace { workspace in
            let error = await #expect(throws: CodedError.self) {
                try await workspace.putFile(WorkspaceFile(path: "/proc/no/file", content: [1]))
            }
            #expect(error?.code == .dockerFileWriteFailed)
            #expect(error?.detail.contains("/proc/no/file") == true)
        }
    }

    @Test("a container that stays keeps no forwarding agent, even one that never ends by itself")
    func stubbornAgent() async throws {
        // ContainerSSH's own goes on when nobody talks to it any more.
        let script = """
            #!/bin/sh
            case "$1" in
            forward-server) { cat; sleep 1000; } | /usr/bin/real forward-server;;
            *) exec /usr/bin/real "$@";;
            esac
            """
        let client = try Engine.client()
        defer { client.shutdown() }
        let program = Array(try Data(contentsOf: URL(filePath: Engine.agentProgram)))
        let image = try await BusyboxImage(
            programs: [
                String(AgentImage.path.dropFirst()): Array(script.utf8), "usr/bin/real": program,
            ]
        ).provide(on: client)
        try await DockerFixture.withLasting {
            $0.execution.container = ["image": .string(image)]
            $0.execution.agent.delivery = .none
        } _: { subject, name in
            try await subject.withWorkspace { workspace in
                let listener = try await workspace.listen(.unixSocket(path: "/tmp/socket"))
                let done = try await workspace.run("test -S /tmp/socket && echo listens")
                #expect(done.output == "listens\n")
                // Not closed: whoever leaves closes nothing.
                _ = listener
            }
            try await eventually(.seconds(90), "nothing of the connection is left") {
                try await client.container(name)?.execs.isEmpty ?? false
            }
        }
    }

    @Test(
        "promises hold in a container that stays",
        arguments: [
            .termSignalEndsProgram, .closeEndsEverything, .dialReachesListener,
            .closedListenerIsGone, .terminalHasItsSizeBeforeStart,
        ] as [ConformanceCase]
    )
    func lasting(_ promise: ConformanceCase) async throws {
        let image = try await AgentImage.name()
        try await DockerFixture.withLasting {
            $0.execution.container = ["image": .string(image)]
            $0.execution.agent.delivery = .none
        } _: { subject, _ in
            try await promise.prove(on: subject)
        }
    }

    @Test("a container that waits for its person forwards for the next connection, too")
    func kept() async throws {
        let subject = try await subject { $0.execution.resume = .seconds(60) }
        for round in 1...2 {
            try await subject.withWorkspace { workspace in
                let listener = try await workspace.listen(.unixSocket(path: "/tmp/socket"))
                let seen = try await workspace.run("echo x >>/tmp/kept; wc -l </tmp/kept")
                #expect(seen.output == "\(round)\n")
                await listener.close()
            }
        }
        #expect(!logged(.dockerContainerResumed).isEmpty)
    }
}

@Suite("Requests at the wrong time on Docker")
struct DockerRequestCodeTests {
    @Test("have codes of this backend")
    func codes() {
        let codes = DockerBackend.requestCodes
        #expect(codes?.alreadyRunning == .dockerProgramAlreadyRunning)
        #expect(codes?.signalTooEarly == .dockerSignalFailedNoPid)
        #expect(codes?.notRunning == .dockerProgramNotRunning)
    }
}
