import BackendConformance
import Foundation
import Glibc
import SharedConfig
import SharedDocker
import SSHTarget
import Testing

@testable import DockerBackend

/// Podman's socket for Docker's clients, with storage of its own, for as long as a suite runs.
struct Podman {
    /// Those of the engine whose suite runs.
    @TaskLocal static var current: Podman?

    static let isThere: Bool =
        geteuid() == 0
        && ["/usr/bin/podman", "/usr/sbin/runc"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: $0)
        }

    let socket: String
    let image: String

    /// Podman asks for limits that are above those of a process inside a container.
    static let limits: ConfigTree = .list(
        [("nofile", 1024, 4096), ("nproc", 4096, 4096)].map { name, soft, hard in
            ["Name": .string(name), "Soft": .integer(soft), "Hard": .integer(hard)]
        }
    )

    /// Runs `body` with an engine that has an image with an agent.
    static func run(_ body: (Podman) async throws -> Void) async throws {
        let folder = "/tmp/bp-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        let settings = "[engine]\nruntime = \"runc\"\nevents_logger = \"file\"\n"
        try Data(settings.utf8).write(to: URL(filePath: folder + "/containers.conf"))
        let command = [
            "/usr/bin/env", "CONTAINERS_CONF=" + folder + "/containers.conf", "/usr/bin/podman",
            "--root", folder + "/root", "--runroot", folder + "/run", "--tmpdir", folder + "/tmp",
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
        ]
        let socket = folder + "/socket"
        let service = try start(
            command + ["system", "service", "--time", "0", "unix://" + socket]
        )
        let result: Result<Void, any Error>
        do {
            try await eventually(.seconds(90), "podman listens") {
                FileManager.default.fileExists(atPath: socket)
            }
            let image = try await AgentImage.name(on: socket)
            result = .success(try await body(Podman(socket: socket, image: image)))
        } catch {
            result = .failure(error)
        }
        // What a failed test has left, and the storage.
        let cleaning = try start(command + ["rm", "--all", "--force", "--time", "0"])
        await collect(cleaning)
        kill(service, SIGTERM)
        await collect(service)
        try? FileManager.default.removeItem(atPath: folder)  // Names the engine has left mounted.
        try result.get()
    }
}

extension Podman {
    private static func start(_ command: [String]) throws -> Int32 {
        let nothing = unsafe open("/dev/null", O_RDWR)
        defer { close(nothing) }
        return try Child.start(command, descriptors: [nothing, nothing, nothing])
    }

    /// Waits for its end, on a thread of its own.
    private static func collect(_ id: Int32) async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                Child.collect(id)
                continuation.resume()
            }
            thread.start()
        }
    }
}

/// Gives a suite a Podman of its own.
struct PodmanTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard Podman.isThere else { return try await body() }
        try await Podman.run { podman in
            try await Podman.$current.withValue(podman) { try await body() }
        }
    }
}

extension Trait where Self == PodmanTrait {
    static var podman: Self { PodmanTrait() }
}

@Suite(
    "Podman in the place of Docker",
    .enabled(if: Podman.isThere, "needs root, podman and runc"),
    .podman,
    .timeLimit(.minutes(10))
)
struct PodmanTests {
    private func subject(
        _ change: (inout DockerConfig) -> Void = { _ in }
    ) throws -> ConformanceSubject {
        let podman = try #require(Podman.current)
        return try DockerFixture.subject {
            $0.connection.host = "unix://" + podman.socket
            $0.execution.container = ["image": .string(podman.image)]
            $0.execution.host = [
                "ulimits": Podman.limits,
                // Podman has no init of its own; Debian's comes with another package.
                "init": false,
                "sysctls": ["net.ipv6.conf.all.disable_ipv6": "0"],
            ]
            change(&$0)
        }
    }

    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: subject())
    }

    @Test(
        "so does it where the agent is copied in",
        arguments: [.dialReachesListener, .fileIsPutWhole] as [ConformanceCase]
    )
    func copied(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: subject { $0.execution.agent.delivery = .copy })
    }

    @Test("and with the agent that an image has brought", arguments: few)
    func imageAgent(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: subject { $0.execution.agent.delivery = .none })
    }

    @Test("and without an agent", arguments: few)
    func withoutAgent(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: subject { $0.execution.disableAgent = true })
    }

    @Test("where every program has a container", arguments: few)
    func sessions(_ promise: ConformanceCase) async throws {
        var subject = try subject { $0.execution.mode = .session }
        subject.sharesPrograms = false
        subject.canForward = false
        subject.tellsInput = true
        try await promise.prove(on: subject)
    }

    @Test("in a container that stays", arguments: few)
    func lasting(_ promise: ConformanceCase) async throws {
        let podman = try #require(Podman.current)
        let name = "berth-test-" + ConformanceSubject.newConnectionID()
        var subject = try subject {
            $0.execution.mode = .persistent
            $0.execution.createMissing = true
            $0.execution.containerName = name
        }
        let client = try Engine.client(podman.socket)
        defer { client.shutdown() }
        // Podman goes on naming those that have ended.
        subject.leftovers = { _ in
            var running: [String] = []
            for exec in try await client.container(name)?.execs ?? []
            where try await client.inspectExec(exec).isRunning { running.append(exec) }
            return running
        }
        subject.noticesLater = true
        try await promise.prove(on: subject)
    }

    /// What depends on the engine.
    static let few: [ConformanceCase] = [
        .separatesStreamsAndReportsStatus, .closedInputReachesProgramAsEnd,
        .terminalHasItsSizeBeforeStart, .termSignalEndsProgram, .fileIsPutWhole,
        .dialReachesListener, .closeEndsEverything,
    ]
}
