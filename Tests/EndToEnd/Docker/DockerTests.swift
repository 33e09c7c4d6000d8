import Foundation
import Glibc
import Testing

// Serialized: the engine makes one container at a time.
@Suite(
    "Docker backend, end to end",
    .enabled(if: Engine.isThere, Engine.reason),
    .timeLimit(.minutes(5)),
    .serialized,
    .sharedInstallation("backend=docker")
)
struct DockerTests {
    @Test("standard output, standard error and the exit status arrive apart from each other")
    func streams() async throws {
        let end = try await Installation.current.ssh("echo out; echo err >&2; exit 7")
        #expect(end.output == "out\n")
        #expect(end.errors == "Welcome to the end-to-end tests\nerr\n")
        #expect(end.status == 7)
    }

    @Test("what comes after the end of the input still arrives")
    func halfClose() async throws {
        let end = try await Installation.current.ssh(
            "cat; sleep 0.2; echo end",
            input: .text("x")
        )
        #expect(end.output == "xend\n")
        #expect(end.status == 0)
    }

    @Test("an interactive shell: its size, a resize, Ctrl-C and the exit status are right")
    func terminal() async throws {
        let installation = try Installation.current
        let end = try await installation.run(
            "/usr/bin/python3",
            [Surroundings.scripts.appending(path: "terminal.py").path, "/usr/bin/ssh"]
                + installation.options(.key)
                + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
        )
        #expect(end.output == "ok\n", "\(end.errors)")
    }

    @Test("20 MB through standard input and output arrive as they were sent")
    func intact() async throws {
        let installation = try Installation.current
        let file = installation.config.folder.appending(path: "random")
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        let data = try random.read(upToCount: 20_000_000) ?? Data()
        try data.write(to: file)
        let end = try await installation.ssh("cat", input: .file(file))
        #expect(end.status == 0)
        #expect(try Data(contentsOf: end.outputFile) == data)
    }

    @Test("ten connections at once are all served")
    func manyConnections() async throws {
        let installation = try Installation.current
        let outputs = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<10 {
                group.addTask { try await installation.ssh("echo \(number)").output }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(outputs == Set((0..<10).map { "\($0)\n" }))
    }

    @Test("no container is left after a client left, or was killed", arguments: [false, true])
    func noContainerLeft(killed: Bool) async throws {
        let installation = try Installation.current
        let client = try installation.launchSSH("echo here; cat", input: .held)
        try await wait(for: "the program runs: \(client.errors)") { client.output == "here\n" }
        #expect(try await containers(installation).count >= 1)
        if killed { client.send(SIGKILL) } else { try client.closeInput() }
        _ = try await client.end()
        try await wait(for: "no container is left") {
            try await containers(installation).isEmpty
        }
    }

    @Test("kill -9 of the gateway leaves no container")
    func killedGateway() async throws {
        try await Installation.with(["backend=docker"]) { installation in
            let client = try installation.launchSSH("echo here; cat", input: .held)
            try await wait(for: "the program runs: \(client.errors)") { client.output == "here\n" }
            try await installation.stop(.gateway, SIGKILL)
            _ = try await client.end()
            try await wait(.seconds(90), for: "no container is left") {
                try await containers(installation).isEmpty
            }
        }
    }

    private func containers(_ installation: Installation) async throws -> [Substring] {
        let run = installation.config.folder.lastPathComponent
        let end = try await installation.run(
            "/usr/bin/docker",
            ["ps", "-aq", "--filter", "label=berth-test.run=\(run)"]
        )
        try #require(end.status == 0, "\(end.errors)")
        return end.output.split(separator: "\n")
    }
}
