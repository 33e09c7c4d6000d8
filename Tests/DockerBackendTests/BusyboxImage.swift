import BackendConformance
import Crypto
import Foundation
import SharedHTTP
import SharedMessages
import Synchronization

@testable import GuestAgent
@testable import SharedDocker

/// An image of this machine's static busybox and of what a test adds, made through the API: there
/// is no registry to pull from.
struct BusyboxImage {
    /// By path without the first slash; executable.
    var programs: [String: [UInt8]] = [:]

    private static let busybox = "/bin/busybox"
    private static let applets = [
        "cat", "chmod", "cut", "dd", "echo", "env", "false", "grep", "head", "hostname", "id",
        "kill", "ls", "mkdir", "mv", "od", "pidof", "printf", "pwd", "rm", "setsid", "sh", "sleep",
        "stat", "stty", "tail", "test", "touch", "tr", "true", "wc", "yes",
    ]

    /// Imports it where the engine does not have it; answers its name.
    func provide(on client: EngineClient) async throws -> String {
        let archive = try archive()
        let digest = SHA256.hash(data: archive).prefix(8).map { String($0, radix: 16) }.joined()
        // Podman gives every image that it imports the tag latest.
        let name = "berth-test/made-\(digest)"
        if try await client.hasImage(name) { return name }
        try await client.send(
            .post,
            "/images/create?fromSrc=-&repo=\(name)&tag=latest",
            body: archive,
            contentType: "application/x-tar",
            within: .seconds(120),
            failure: .dockerImagePullFailed
        )
        return name
    }

    private func archive() throws -> [UInt8] {
        var tar = TarWriter()
        for folder in ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"] {
            tar.folder(folder + "/")
        }
        tar.folder("usr/bin/")
        tar.file(
            "bin/busybox",
            mode: 0o755,
            Array(try Data(contentsOf: URL(filePath: Self.busybox)))
        )
        for applet in Self.applets { tar.link("bin/\(applet)", to: "busybox") }
        tar.file("etc/passwd", mode: 0o644, Array("root:x:0:0:root:/root:/bin/sh\n".utf8))
        tar.file("etc/group", mode: 0o644, Array("root:x:0:\n".utf8))
        for (path, content) in programs.sorted(by: { $0.key < $1.key }) {
            tar.file(path, mode: 0o755, content)
        }
        return tar.finish()
    }
}

/// An image that brings an agent of its own: ours, at the place where ContainerSSH's is.
enum AgentImage {
    static let path = "/usr/bin/containerssh-agent"

    private static let made = Mutex<[String: Task<String, any Error>]>([:])

    /// Its name on the engine behind `socket`; made once.
    static func name(on socket: String = Engine.socket) async throws -> String {
        let task = made.withLock { made in
            let task = made[socket] ?? Task { try await make(socket) }
            made[socket] = task
            return task
        }
        return try await task.value
    }

    private static func make(_ socket: String) async throws -> String {
        let program = Array(try Data(contentsOf: URL(filePath: Engine.agentProgram)))
        let client = try Engine.client(socket)
        defer { client.shutdown() }
        return try await BusyboxImage(programs: [String(path.dropFirst()): program])
            .provide(on: client)
    }
}
