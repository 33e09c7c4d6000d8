import Foundation
import NIOPosix
import SSHTestServer
import SharedSSH

/// Runs a script with `bash`, off the threads that tests run on.
func shell(
    _ script: String,
    _ variables: [String: String] = [:]
) async throws -> (status: Int32, output: String) {
    let lines = variables.map { "\($0.key)='\($0.value)'\n" }.joined() + script
    return try await NIOThreadPool.singleton.runIfActive {
        try runTool(["timeout", "100", "bash", "-c", lines])
    }
}

/// A folder with a key, and `ssh` as a shell variable that uses it against a server.
struct OpenSSHClient: Sendable {
    let folder: String
    let server: TestServer

    init(_ server: TestServer) throws {
        self.server = server
        folder = try temporaryFolder()
        try runTool(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/key"])
    }

    /// Runs a script in which `$SSH` is a client that has all options it needs, `$DIR` a folder.
    func run(_ script: String, options: String = "") async throws -> (
        status: Int32, output: String
    ) {
        let ssh = """
            ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o BatchMode=yes -o LogLevel=ERROR -o ConnectTimeout=20 -i \(folder)/key \
            -p \(server.port) \(options) ann@127.0.0.1
            """
        let ended = try await shell(script, ["SSH": ssh, "DIR": folder])
        // The client ends its own messages with CR LF.
        return (ended.status, ended.output.replacing("\r\n", with: "\n"))
    }

    func remove() {
        // What cannot be removed is litter in the temporary folder, not a failure.
        try? FileManager.default.removeItem(atPath: folder)
    }

    static func with(
        _ settings: SSHServerSettings? = nil,
        _ body: (OpenSSHClient) async throws -> Void
    ) async throws {
        try await TestServer.run(settings) { server in
            let client = try OpenSSHClient(server)
            defer { client.remove() }
            try await body(client)
        }
    }
}
