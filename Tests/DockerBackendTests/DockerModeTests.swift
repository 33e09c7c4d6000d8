import BackendConformance
import GatewayCore
import InMemoryLogging
import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import DockerBackend

@Suite("Containers by mode", .enabled(if: Engine.isThere, Engine.reason))
struct DockerModeTests {
    private let id = ConformanceSubject.newConnectionID()

    // MARK: - Session

    @Test("a session's container has the files and the environment, and is gone after its program")
    func session() async throws {
        var carried = ConnectionMetadata()
        carried.environment = ["TEAM": MetadataValue("red")]
        let subject = try DockerFixture.subject(carried: carried) {
            $0.execution.mode = .session
        }
        try await subject.withWorkspace(connectionID: id) { workspace in
            #expect(try await subject.leftovers(id).isEmpty)
            try await workspace.putFile(WorkspaceFile(path: "/etc/own", content: Array("x".utf8)))
            for _ in 0..<2 {
                let done = try await workspace.run("cat /etc/own; echo $TEAM; exit 3")
                #expect(done.output == "xred\n")
                #expect(done.exit == .status(3))
                #expect(try await subject.leftovers(id).isEmpty)
            }
        }
    }

    @Test("a session whose first process ignores the request to stop is removed all the same")
    func stubborn() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.mode = .session
            $0.execution.idleCommand = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
            $0.timeouts.containerStop = .seconds(12)
        }
        try await subject.withWorkspace(connectionID: id) { workspace in
            let done = try await workspace.run("exit 5")
            #expect(done.exit == .status(5))
        }
        try await eventually(.seconds(90), "it is removed") {
            try await subject.leftovers(id).isEmpty
        }
    }

    @Test("a session in an image that is missing is an error at its opening")
    func sessionWithoutImage() async throws {
        let subject = try DockerFixture.subject {
            $0.execution.mode = .session
            $0.execution.imagePullPolicy = .ifNotPresent
            $0.execution.container = ["image": "127.0.0.1:1/nothing"]
        }
        let error = await #expect(throws: CodedError.self) { _ = try await subject.open(id) }
        #expect(error?.code == .dockerImagePullFailed)
    }

    // MARK: - Persistent

    @Test("what one connection leaves in a person's container the next one finds")
    func persistent() async throws {
        var carried = ConnectionMetadata()
        carried.environment = ["TEAM": MetadataValue("red")]
        try await DockerFixture.withLasting { base, name in
            var subject = base
            subject.carried = carried
            try await subject.withWorkspace { workspace in
                _ = try await workspace.run("echo kept >/tmp/kept; (sleep 1000 >/dev/null 2>&1 &)")
            }
            carried.environment = ["TEAM": MetadataValue("blue")]
            subject.carried = carried
            try await subject.withWorkspace { workspace in
                let done = try await workspace.run("cat /tmp/kept; echo $TEAM; pidof sleep | wc -w")
                // One sleep is the first process's.
                #expect(done.output == "kept\nblue\n2\n")
            }
            let client = try Engine.client()
            defer { client.shutdown() }
            #expect(try await client.container(name)?.status == .running)
        }
    }

    @Test("many connections of one person at once share one container")
    func simultaneous() async throws {
        try await DockerFixture.withLasting { subject, name in
            let hosts = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await subject.withWorkspace { try await $0.run("hostname").output }
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(hosts.count == 1)
        }
    }

    @Test("two gateways that make the same container at once both end up in it")
    func twoGateways() async throws {
        try await DockerFixture.withLasting { subject, name in
            let other = try DockerFixture.subject {
                $0.execution.mode = .persistent
                $0.execution.createMissing = true
                $0.execution.containerName = name
            }
            async let first = subject.withWorkspace { try await $0.run("hostname").output }
            async let second = other.withWorkspace { try await $0.run("hostname").output }
            let names = try await [first, second]
            #expect(names[0] == names[1])
        }
    }

    @Test("a container that is missing is an error with a text unless it may be made")
    func missing() async throws {
        try await DockerFixture.withLasting({ $0.execution.createMissing = false }) { subject, _ in
            let error = await #expect(throws: CodedError.self) { _ = try await subject.open(id) }
            #expect(error?.code == .dockerContainerNotFound)
            #expect(error?.personText != nil)
        }
    }

    @Test("a container that was stopped or paused is started", arguments: ["stop", "pause"])
    func stopped(_ how: String) async throws {
        try await DockerFixture.withLasting { subject, name in
            try await subject.withWorkspace { _ = try await $0.run("echo here >/kept") }
            let client = try Engine.client()
            defer { client.shutdown() }
            if how == "stop" {
                try await client.stopContainer(name, grace: 1, within: .seconds(60))
                #expect(try await client.container(name)?.status == .exited)
            } else {
                try await client.pauseContainer(name)
                #expect(try await client.container(name)?.status == .paused)
            }
            let done = try await subject.withWorkspace { try await $0.run("cat /kept") }
            #expect(done.output == "here\n")
        }
    }

    @Test(
        "one that is stopped in the moment somebody comes is started again",
        arguments: [
            ("/exec", false), ("/exec", true), ("/exec/", false), ("/exec/", true),
        ]
    )
    func stoppedMeanwhile(_ call: String, disableAgent: Bool) async throws {
        try await EngineProxy.run { proxy in
            let log = InMemoryLogHandler()
            let logger = Logger(label: "docker") { _ in log }
            try await DockerFixture.withLasting(logger: logger) {
                $0.connection.host = "unix://" + proxy.socket
                $0.execution.disableAgent = disableAgent
            } _: { subject, name in
                try await subject.withWorkspace { _ = try await $0.run("echo here >/kept") }
                let client = try Engine.client()
                defer { client.shutdown() }
                // Who stops it may not be the only one.
                let stops = disableAgent ? 1 : 2
                for _ in 1...stops {
                    proxy.before("POST", call) {
                        // The test sees from what follows whether it was stopped.
                        try? await client.stopContainer(name, grace: 1, within: .seconds(60))
                    }
                }
                let kept = try await subject.withWorkspace { try await $0.run("cat /kept").output }
                #expect(kept == "here\n")
                let code = MessageCode.dockerContainerStartedAgain.id
                let again = log.entries.filter { $0.metadata["code"] == "\(code)" }
                #expect(again.count >= stops)
            }
        }
    }

    @Test("a connection whose container is stopped starts it again with its next program")
    func stoppedBetween() async throws {
        try await DockerFixture.withLasting { subject, name in
            let client = try Engine.client()
            defer { client.shutdown() }
            try await subject.withWorkspace { workspace in
                #expect(try await workspace.run("echo 1").output == "1\n")
                try await client.stopContainer(name, grace: 1, within: .seconds(60))
                let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<4 {
                        group.addTask { try await workspace.run("echo 2").output }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outputs == Array(repeating: "2\n", count: 4))
            }
        }
    }

    @Test(
        "a container whose first process ends at once is an error, and is not made again and again"
    )
    func shortLived() async throws {
        try await DockerFixture.withLasting({ $0.execution.idleCommand = ["/bin/false"] }) {
            subject,
            _ in
            let error = await #expect(throws: CodedError.self) { _ = try await subject.open(id) }
            #expect(error?.code == .dockerContainerStartFailed)
            #expect(error?.detail.contains("status 1") == true)
        }
    }

    @Test("a container that nobody uses is stopped, one in which something happens is not")
    func idle() async throws {
        try await DockerFixture.withLasting({ $0.execution.idleTimeout = .seconds(8) }) {
            subject,
            name in
            let client = try Engine.client()
            defer { client.shutdown() }
            try await subject.withWorkspace { workspace in
                try await subject.withWorkspace { _ in }
                // Longer than it would take, with a word far more often than needed.
                let line = "for i in $(seq 1 50); do echo $i; sleep 0.2; done; exit 4"
                let done = try await workspace.run(line)
                #expect(done.exit == .status(4))
            }
            try await eventually(.seconds(90), "the container stops") {
                try await client.container(name)?.status == .exited
            }
            let again = try await subject.withWorkspace { try await $0.run("echo x").output }
            #expect(again == "x\n")
        }
    }

    @Test(
        "without traffic a program is ended with a text, and its container stopped",
        arguments: [false, true]
    )
    func withoutTraffic(disableAgent: Bool) async throws {
        try await DockerFixture.withLasting({
            // Time enough for any machine to start the program.
            $0.execution.idleTimeout = .seconds(6)
            $0.execution.disableAgent = disableAgent
        }) { subject, name in
            let client = try Engine.client()
            defer { client.shutdown() }
            try await subject.withWorkspace { workspace in
                let program = try await workspace.start(
                    ProgramRequest(kind: .exec("echo up; exec sleep 300"))
                )
                let error = await #expect(throws: CodedError.self) {
                    // Its output may end as lost, or just end.
                    while let _ = try? await program.nextOutput() {}
                    _ = try await program.exit()
                }
                #expect(error?.code == .dockerContainerIdle)
                #expect(error?.personText ?? MessageCode.dockerContainerIdle.personText != nil)
                try await eventually(.seconds(90), "the container stops") {
                    try await client.container(name)?.status == .exited
                }
                let late = await #expect(throws: CodedError.self) {
                    _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
                }
                #expect(late?.code == .dockerContainerIdle)
                await program.terminate()
            }
        }
    }

    @Test("a gateway stops an unused container that another one left")
    func idleAfterRestart() async throws {
        try await DockerFixture.withLasting { _, name in
            let client = try Engine.client()
            defer { client.shutdown() }
            let body = """
                {"Image": "\(Engine.image)", "Cmd": ["sleep", "1000"],
                 "Labels": {"\(ContainerLease.instanceLabel)": "gone",
                            "\(ContainerLease.idleLabel)": "1"}}
                """
            _ = try await client.createContainer(name: name, body: Array(body.utf8))
            try await client.startContainer(name)
            await (try DockerFixture.subject().backend as? DockerBackend)?.sweep()
            try await eventually(.seconds(90), "the container stops") {
                try await client.container(name)?.status == .exited
            }
        }
    }

    @Test("the names of different people are different, and what an engine takes")
    func names() {
        #expect(LastingName.of("alice") == "berth-user-alice")
        #expect(LastingName.of("a/b") == "berth-user-a_2fb")
        #expect(LastingName.of("a_2fb") == "berth-user-a_5f2fb")
        #expect(LastingName.of("é\n") == "berth-user-_c3_a9_0a")
    }

    // MARK: - Resume

    @Test("who comes back in time has the same container, without the programs of before")
    func resume() async throws {
        let subject = try DockerFixture.subject { $0.execution.resume = .seconds(300) }
        let first = try await subject.withWorkspace(connectionID: id) { workspace in
            let held = try await workspace.start(ProgramRequest(kind: .exec("echo up; cat")))
            _ = try await held.read(until: "up")
            return try await workspace.run("echo kept >/kept; hostname").output
        }
        #expect(try await subject.leftovers(id).count == 1)
        try await subject.withWorkspace { workspace in
            #expect(try await workspace.run("hostname; cat /kept").output == first + "kept\n")
            #expect(try await workspace.run("pidof cat || echo none").output == "none\n")
            // Somebody who comes while it is in use has another.
            let other = try await subject.withWorkspace { try await $0.run("hostname").output }
            #expect(other != first)
        }
        for container in try await subject.leftovers(id) {
            try await Engine.client().removeContainer(container)
        }
    }

    private static let terminal = PTYRequest(
        term: "xterm",
        size: WindowSize(columns: 80, rows: 24)
    )

    @Test(
        "who comes back in time sees the same screen, of the same shell, in its new size",
        arguments: [false, true]
    )
    func screen(disableAgent: Bool) async throws {
        let log = InMemoryLogHandler()
        let subject = try DockerFixture.subject(logger: Logger(label: "docker") { _ in log }) {
            $0.execution.resume = .seconds(300)
            $0.execution.disableAgent = disableAgent
        }
        let shell = ProgramRequest(kind: .shell, pty: Self.terminal)
        try await subject.withWorkspace(connectionID: id) { workspace in
            let program = try await workspace.start(shell)
            try await program.write(ByteBuffer(string: "mine=42; echo was-$((1+1))-here\n"))
            _ = try await program.read(until: "was-2-here")
            // What comes when nobody looks is seen later.
            let line = "(sleep 1; echo late-$((1+2))-word) & cat <<END\nfor a moment\nEND\n"
            try await program.write(ByteBuffer(string: line))
            _ = try await program.read(until: "for a moment")
            // As it is told that the line has dropped.
            try await program.signal("HUP")
            #expect(
                try await program.exit() == .signal(name: "HUP", coreDumped: false, message: "")
            )
            await program.terminate()
        }
        for _ in 1...2 {
            try await subject.withWorkspace { workspace in
                var request = shell
                request.pty?.size = WindowSize(columns: 132, rows: 43)
                let program = try await workspace.start(request)
                _ = try await program.read(until: "was-2-here")
                let ask = "echo $mine; stty size; echo end-$((1+4))\n"
                try await program.write(ByteBuffer(string: ask))
                let seen = try await program.read(until: "end-5\r\n")
                #expect(seen.contains("42\r\n43 132\r\n"), "\(seen)")
                // Not closed: the connection just ends.
            }
        }
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(shell)
            _ = try await program.read(until: "late-3-word")
            try await program.write(ByteBuffer(string: "exit 7\n"))
            #expect(try await program.finish().exit == .status(7))
            await program.terminate()
            // It has ended, so the next is another one.
            let other = try await workspace.start(shell)
            try await other.write(ByteBuffer(string: "echo ${mine:-none}-$((1+1)); exit\n"))
            let done = try await other.finish()
            #expect(done.output.contains("none-2\r\n"), "\(done.output)")
            await other.terminate()
        }
        let code = "\(MessageCode.dockerProgramResumed.id)"
        #expect(log.entries.count { $0.metadata["code"] == "\(code)" } == 3)
        for container in try await subject.leftovers(id) {
            try await Engine.client().removeContainer(container)
        }
    }

    @Test("a screen is for the same request alone, and a program that is told to end ends")
    func otherScreens() async throws {
        let subject = try DockerFixture.subject { $0.execution.resume = .seconds(300) }
        let cat = ProgramRequest(kind: .exec("echo up; exec cat"), pty: Self.terminal)
        try await subject.withWorkspace(connectionID: id) { workspace in
            _ = try await workspace.start(cat).read(until: "up")
        }
        try await subject.withWorkspace { workspace in
            let shell = try await workspace.start(
                ProgramRequest(kind: .shell, pty: Self.terminal)
            )
            try await shell.write(ByteBuffer(string: "pidof cat | wc -w; exit\n"))
            #expect(try await shell.finish().output.contains("1\r\n"))
            await shell.terminate()
            #expect(try await workspace.run("echo piped").output == "piped\n")
            let program = try await workspace.start(cat)
            try await program.write(ByteBuffer(string: "again\n"))
            _ = try await program.read(until: "again\r\nagain")
            try await program.signal("TERM")
            guard case .signal(name: "TERM", _, _) = try await program.exit() else {
                Issue.record("not ended by the signal")
                return
            }
            await program.terminate()
        }
        let left = try await subject.withWorkspace {
            try await $0.run("pidof cat || echo none").output
        }
        #expect(left == "none\n")
        for container in try await subject.leftovers(id) {
            try await Engine.client().removeContainer(container)
        }
    }

    @Test("another person never has it")
    func resumeByAnother() async throws {
        let subject = try DockerFixture.subject { $0.execution.resume = .seconds(2) }
        let first = try await subject.withWorkspace(connectionID: id) {
            try await $0.run("hostname").output
        }
        let other = ConformanceSubject.newConnectionID()
        let request = DockerFixture.request(other, user: "somebody")
        let workspace = try await subject.backend.openWorkspace(request) { _ in }
        #expect(try await workspace.run("hostname").output != first)
        await workspace.close()
        for left in [id, other] {
            try await eventually(.seconds(90), "its time is over") {
                try await subject.leftovers(left).isEmpty
            }
        }
    }

    @Test("one that died meanwhile is replaced")
    func resumeOfDead() async throws {
        let subject = try DockerFixture.subject { $0.execution.resume = .seconds(300) }
        try await subject.withWorkspace(connectionID: id) { _ in }
        let container = try #require(try await subject.leftovers(id).first)
        let client = try Engine.client()
        defer { client.shutdown() }
        try await client.removeContainer(container)
        let next = ConformanceSubject.newConnectionID()
        try await subject.withWorkspace(connectionID: next) { workspace in
            let done = try await workspace.run("echo new")
            #expect(done.output == "new\n")
        }
        for left in try await subject.leftovers(next) { try await client.removeContainer(left) }
    }
}
