import Foundation
import Glibc
import Synchronization
import Testing

/// A container engine of one test, which it may stop, kill and fill up: with its own network,
/// mounts, folders and socket, and the image of the tests.
final class PrivateEngine: Sendable {
    static let image = "berth-test/busybox:latest"
    static let isPossible =
        geteuid() == 0 && Engine.isThere
        && ["/usr/sbin/dockerd", "/usr/bin/unshare", "/usr/bin/nsenter", "/bin/busybox"]
            .allSatisfy(Surroundings.isExecutable)
    static let reason: Comment = "needs root, dockerd and the image of deploy/dev/docker.sh"

    /// Short: sockets lie below it, whose paths have at most 107 bytes.
    private let folder: URL
    /// Of its own containerd, to find what it leaves.
    private let namespace: String
    private let options: [String]
    /// Bytes of the memory in which images and containers lie; `nil`: on the disk, without limit.
    private let size: Int?
    private let process = Mutex<Program?>(nil)
    /// Holds the namespaces: containers that outlive an engine have to find the next one in them.
    private let holder = Mutex<Program?>(nil)

    /// The network has a loopback; the mounts vanish with the last process that has them.
    private static let script = """
        set -e
        busybox ip link set lo up
        [ -z "$1" ] || mount -t tmpfs -o "size=$1" engine "$2"
        echo ready
        exec sleep 1000000
        """

    private init(size: Int?, options: [String]) throws {
        folder = try Surroundings.temporaryFolder("engine")
        namespace = folder.lastPathComponent
        self.size = size
        self.options = options
        try FileManager.default.createDirectory(
            at: folder.appending(path: "data"),
            withIntermediateDirectories: true
        )
        try Data("{}".utf8).write(to: folder.appending(path: "daemon.json"))
    }

    /// Starts an engine, and ends it and all it has made after `body`.
    static func with(
        size: Int? = nil,
        _ options: [String] = [],
        _ body: (PrivateEngine) async throws -> Void
    ) async throws {
        let engine = try PrivateEngine(size: size, options: options)
        let result: Result<Void, any Error>
        do {
            try await engine.hold()
            try await engine.start()
            try await engine.load()
            result = .success(try await body(engine))
        } catch {
            result = .failure(error)
        }
        await engine.dispose()
        try result.get()
    }

    // MARK: - For tests

    var address: String { "unix://\(folder.path)/socket" }

    /// What an installation needs to use it. Containers without network need nothing of the host.
    var settings: [String] {
        ["backend=docker", "docker.connection.host=\(address)"]
    }

    var id: Int32 {
        get throws { try #require(process.withLock { $0?.id }, "the engine does not run") }
    }

    func start() async throws {
        let program = try Program(
            "/usr/bin/nsenter",
            ["--target", "\(try holderID)", "--net", "--mount", "/usr/sbin/dockerd"]
                + ["--data-root", path("data"), "--exec-root", path("run")]
                + ["--pidfile", path("pid"), "--config-file", path("daemon.json")]
                + ["-H", address, "--bridge=none", "--iptables=false", "--ip6tables=false"]
                + ["--containerd-namespace", namespace, "--shutdown-timeout", "5"]
                + ["--containerd-plugins-namespace", namespace + "-plugins"] + options,
            files: folder.appending(path: "dockerd")
        )
        process.withLock { $0 = program }
        try await wait(.seconds(90), for: "the engine answers") {
            guard kill(program.id, 0) == 0 else {
                throw NotInTime(description: "the engine ended: \(program.errors.suffix(2000))")
            }
            return try await run("curl -fs -m 5 --unix-socket '\(path("socket"))' http://x/_ping")
                .status == 0
        }
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private var holderID: Int32 {
        get throws { try #require(holder.withLock { $0?.id }, "there are no namespaces") }
    }

    private func hold() async throws {
        let program = try Program(
            "/usr/bin/unshare",
            ["--net", "--mount", "--propagation", "private", "/bin/sh", "-c", Self.script, "sh"]
                + [size.map(String.init) ?? "", path("data")],
            files: folder.appending(path: "holder")
        )
        holder.withLock { $0 = program }
        try await wait(.seconds(150), for: "the namespaces: \(program.errors)") {
            program.output == "ready\n"
        }
    }

    func send(_ signal: Int32) throws { kill(try id, signal) }

    /// Ends it, by SIGTERM or SIGKILL.
    func stop(_ signal: Int32) async throws {
        let program = try #require(process.withLock { $0 }, "the engine does not run")
        program.send(signal)
        _ = try await program.end(within: .seconds(150))
        process.withLock { $0 = nil }
    }

    /// All containers, running or not.
    func containers() async throws -> [Substring] {
        try await docker("ps -aq --no-trunc").split(separator: "\n")
    }

    func awaitNoContainer() async throws {
        try await wait(.seconds(150), for: "no container is left") {
            try await containers().isEmpty
        }
    }

    /// Runs Docker's client with words for a shell; its standard output.
    @discardableResult
    func docker(_ words: String) async throws -> String {
        let end = try await run("docker -H '\(address)' \(words)")
        try #require(end.status == 0, "docker \(words): \(end.errors)")
        return end.output
    }

    /// Runs a program of this machine in the engine's network.
    func launchInside(_ path: String, _ arguments: [String]) throws -> Program {
        try Program(
            "/usr/bin/nsenter",
            ["--target", "\(try holderID)", "--net", path] + arguments,
            files: folder.appending(path: "inside-\(UUID().uuidString.prefix(8))")
        )
    }

    func run(_ script: String) async throws -> Program.End {
        try await Program(
            "/bin/sh",
            ["-c", script],
            files: folder.appending(path: "run-\(UUID().uuidString.prefix(8))")
        ).end(within: .seconds(90))
    }

    // MARK: - Private

    private func load() async throws {
        let end = try await run(
            "docker save \(Self.image) | docker -H '\(address)' load"
        )
        try #require(end.status == 0, "the image: \(end.errors)")
    }

    private func dispose() async {
        if let program = process.withLock({ $0 }) {
            program.send(SIGCONT)
            // What is left of them is looked for below.
            _ = try? await run(
                "docker -H '\(address)' ps -aq | xargs -r docker -H '\(address)' rm -f"
            )
            program.send(SIGTERM)
            _ = try? await program.end()
        }
        for shim in HostProcesses.all("-namespace\0\(namespace)\0") {
            for child in HostProcesses.children(of: shim) { kill(child, SIGKILL) }
            kill(shim, SIGKILL)
        }
        if let program = holder.withLock({ $0 }) {
            program.send(SIGKILL)
            _ = try? await program.end()
        }
        try? FileManager.default.removeItem(at: folder)
    }
}
