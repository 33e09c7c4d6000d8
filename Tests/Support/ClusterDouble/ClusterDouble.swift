import BackendMachine
import CProcess
import Foundation
import Glibc
package import SharedConfig
import SharedSystem

@testable package import SharedKubernetes

/// A double of a Kubernetes API server with one node, on a port of this machine.
///
/// Its containers are processes in namespaces of their own; see `Scripts/cluster.py`.
package final class ClusterDouble: Sendable {
    package static let token = "token-of-the-tests"
    /// Has a shell and the usual programs.
    package static let image = "berth-test/busybox"
    /// Has `cat`, `sleep` and `ls`, and no shell.
    package static let imageWithoutShell = "berth-test/noshell"
    /// Has the programs of this machine.
    package static let hostImage = "berth-test/host"
    /// Has Berth's agent and nothing else.
    package static let agentImage = "berth-test/agent"

    package let port: Int
    /// For certificates, images and pods.
    package let folder: String
    private let process: Descriptor
    private let client: ClusterClient

    /// What a machine needs for it.
    package static let isPossible = ["/usr/bin/bwrap", "/usr/bin/busybox", "/usr/bin/nsenter"]
        .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    /// Starts one. `agent` is the path of the agent's program.
    package static func start(agent: String = "", rules: String = "") async throws -> ClusterDouble
    {
        let name = String(UInt64.random(in: .min ... .max), radix: 36)
        let folder = "/tmp/berth-cluster-\(name)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Scripts/cluster.py").path
        var launch = ProcessLaunch(
            executable: "/usr/bin/env",
            arguments: [
                "python3", script, "--folder", folder, "--agent", agent, "--token", token,
                "--rules", rules,
            ],
            descriptors: [nil, nil, nil]
        )
        launch.environment = [
            "PATH=\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
        ]
        let process = try launch.start()
        let end = ContinuousClock.now + .seconds(150)
        while ContinuousClock.now < end {
            // Not there yet: nothing to be read.
            if let text = try? String(contentsOfFile: folder + "/port", encoding: .utf8),
                let port = Int(text)
            {
                return try ClusterDouble(port: port, folder: folder, process: process)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        _ = berth_pidfd_signal(process.number, SIGKILL)
        throw Failed(what: "the double did not start")
    }

    private init(port: Int, folder: String, process: Descriptor) throws {
        self.port = port
        self.folder = folder
        self.process = process
        guard let address = ClusterAddress("https://127.0.0.1:\(port)") else {
            throw Failed(what: "no address")
        }
        var options = ClusterOptions(address: address)
        options.trustedRoots = try String(
            contentsOfFile: folder + "/certificates/ca.pem",
            encoding: .utf8
        )
        options.timeout = .seconds(60)
        (options.rate, options.burst) = (10_000, 10_000)
        client = try ClusterClient(options)
    }

    package struct Failed: Error {
        package let what: String
    }

    /// Ends it and all it runs.
    package func stop() async {
        _ = berth_pidfd_signal(process.number, SIGTERM)
        var status: Int32 = 0
        while unsafe berth_reap(process.number, &status) == 0 {
            // Cancelled: it ends all the same.
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { break }
        }
        try? FileManager.default.removeItem(atPath: folder)  // Temporary anyway.
    }

    package var certificates: String { folder + "/certificates" }
    package var authority: String { certificates + "/ca.pem" }

    // MARK: - What is told to it

    /// Tells the double something beside the API, or asks it; see `control` in the script.
    @discardableResult
    package func tell(_ what: String, _ body: ConfigTree = [:]) async throws -> ConfigTree {
        var call = RESTCall(method: .post, path: "/double/\(what)")
        call.body = Array(body.json.utf8)
        return try await client.fetch(call)
    }

    /// The pods that the server has.
    package func pods() async throws -> [Pod] {
        (try await tell("pods")["pods"] ?? .null).elements.map(Pod.init)
    }

    /// Pods and processes of containers of one connection.
    package func leftovers(of connectionID: String) async throws -> [String] {
        let answer = try await tell("pods")
        let pods = (answer["pods"] ?? .null).elements.map(Pod.init)
            .filter { $0.labels["containerssh_connection_id"] == connectionID }.map(\.name)
        let processes = (answer["processes"] ?? .null).elements.map(\.json)
            .filter { $0.contains(connectionID) }
        return pods + processes
    }

    /// Makes the next calls fail that fit: `status`, `path`, `times`, …
    package func fault(_ fault: ConfigTree) async throws { try await tell("fault", fault) }
}
