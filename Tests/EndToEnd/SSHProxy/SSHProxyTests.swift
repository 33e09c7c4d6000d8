import Crypto
import Foundation
import Glibc
import SSHTarget
import SharedMessages
import Testing

@Suite(
    "sshproxy backend, end to end",
    .enabled(if: SSHTarget.isThere, Comment(rawValue: SSHTarget.reason)),
    .timeLimit(.minutes(4)),
    .serialized
)
struct SSHProxyTests {
    /// The daemons with a target behind the gateway.
    private func withProxy(
        _ settings: [String] = [],
        target lines: [String] = [],
        _ body: (Installation, SSHTarget) async throws -> Void
    ) async throws {
        try await SSHTarget.with(lines) { target in
            let own = [
                "backend=sshproxy", "sshproxy.server=127.0.0.1", "sshproxy.port=\(target.port)",
                "sshproxy.usernamePassThrough=true",
                "sshproxy.privateKey=\(target.folder.path)/user_key",
                "sshproxy.allowedHostKeyFingerprints=[\"\(target.fingerprint)\"]",
                "sshproxy.timeout=10s",
            ]
            try await Installation.with(own + settings) { try await body($0, target) }
        }
    }

    @Test("commands: streams, status, half-close, the signal that ended them")
    func commands() async throws {
        try await withProxy { installation, _ in
            let first = try await installation.ssh("id -un; echo err >&2; exit 7")
            #expect(first.output == "dev\n")
            #expect(first.errors.hasSuffix("err\n"))
            #expect(first.status == 7)
            let second = try await installation.ssh("cat; sleep 0.2; echo end", input: .text("x"))
            #expect(second.output == "xend\n")
            let third = try await installation.ssh("kill -s KILL $$", arguments: ["-v"])
            #expect(third.errors.contains("exit-signal"))
            #expect(third.status == 255)
        }
    }

    @Test("a forced command is told of the original one, or does not run")
    func forcedCommand() async throws {
        let forced = #"security.forceCommand=echo "menu:$SSH_ORIGINAL_COMMAND""#
        try await withProxy([forced], target: ["AcceptEnv LANG"]) { installation, _ in
            let end = try await installation.ssh("id")
            #expect(end.output.isEmpty)
            #expect(end.status == 255)
            #expect(end.errors.contains(MessageCode.securityExecFailedSetenv.id))
            try await installation.awaitLog(.gateway, .securityExecFailedSetenv)
        }
        try await withProxy([forced]) { installation, _ in
            let end = try await installation.ssh("id")
            #expect(end.output == "menu:id\n")
        }
    }

    @Test("an interactive shell: its size, a resize, Ctrl-C and the exit status are right")
    func terminal() async throws {
        try await withProxy { installation, _ in
            let end = try await installation.run(
                "/usr/bin/python3",
                [Surroundings.scripts.appending(path: "terminal.py").path, "/usr/bin/ssh"]
                    + installation.options(.key)
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
            )
            #expect(end.output == "ok\n", "\(end.errors)")
        }
    }

    @Test("sftp, scp in both modes and rsync carry files there and back")
    func files() async throws {
        try await withProxy { installation, _ in
            let file = installation.config.folder.appending(path: "file")
            try Data((0..<700_000).map { _ in UInt8.random(in: 0...255) }).write(to: file)
            let back = file.appendingPathExtension("back")
            let port = "\(installation.config.ports.ssh)"
            let options = installation.options(.key)
            let shell = (["/usr/bin/ssh", "-p", port] + options).joined(separator: " ")
            let place = "dev@127.0.0.1:there"
            let ways = [
                ["/usr/bin/scp"] + options + ["-P", port],
                ["/usr/bin/scp"] + options + ["-O", "-P", port], ["/usr/bin/rsync", "-e", shell],
            ]
            for way in ways {
                try? FileManager.default.removeItem(at: back)
                for pair in [[file.path, place], [place, back.path]] {
                    let end = try await installation.run(way[0], way.dropFirst() + pair)
                    #expect(end.status == 0, "\(way): \(end.errors)")
                }
                #expect(try Data(contentsOf: back) == Data(contentsOf: file), "\(way)")
            }
            let end = try await installation.run(
                "/usr/bin/sftp",
                options + ["-b", "-", "-P", port, "dev@127.0.0.1"],
                input: .text("put \(file.path) other\nget other \(back.path)\n")
            )
            #expect(end.status == 0, "\(end.errors)")
            #expect(try Data(contentsOf: back) == Data(contentsOf: file))
        }
    }

    @Test("100 MB through standard input and output arrive as they were sent")
    func bulk() async throws {
        try await withProxy { installation, _ in
            let file = installation.config.folder.appending(path: "random")
            var hash = SHA256()
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            let output = try FileHandle(forWritingTo: file)
            let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
            for _ in 0..<100 {
                let piece = try #require(try random.read(upToCount: 1_000_000))
                hash.update(data: piece)
                try output.write(contentsOf: piece)
            }
            try output.close()
            let end = try await installation.ssh("cat", input: .file(file), within: .seconds(200))
            #expect(end.status == 0)
            var back = SHA256()
            back.update(data: try Data(contentsOf: end.outputFile))
            #expect(back.finalize() == hash.finalize())
        }
    }

    @Test("kill -9 of the gateway leaves no connection at the target")
    func killed() async throws {
        try await withProxy { installation, target in
            let client = try installation.launchSSH("echo on; cat", input: .held)
            try await wait(for: "the session") { client.output == "on\n" }
            #expect(!target.connections.isEmpty)
            try await installation.stop(.gateway, SIGKILL)
            _ = try await client.end()
            try await wait(.seconds(10), for: "no connection is left") {
                target.connections.isEmpty
            }
        }
    }

    @Test("the end of a client leaves no connection at the target")
    func gone() async throws {
        try await withProxy { installation, target in
            let client = try installation.launchSSH("echo on; cat", input: .held)
            try await wait(for: "the session") { client.output == "on\n" }
            client.send(SIGKILL)
            _ = try await client.end()
            try await wait(.seconds(20), for: "no connection is left") {
                target.connections.isEmpty
            }
        }
    }

    @Test(
        "what hinders the login there is told on the error output, with status 255",
        arguments: [
            (
                "sshproxy.port=1",
                "The target server refused the connection. [SSHPROXY_BACKEND_FAILED]"
            ),
            (
                "sshproxy.allowedHostKeyFingerprints=[\"SHA256:AAAA\"]",
                "[SSHPROXY_INVALID_FINGERPRINT]"
            ),
            ("sshproxy.privateKey=", "[SSHPROXY_BACKEND_HANDSHAKE_FAILED]"),
            (
                "sshproxy.kex=[\"mlkem768x25519-sha256\"]", "[SSHPROXY_BACKEND_HANDSHAKE_FAILED]"
            ),
        ]
    )
    func failure(setting: String, text: String) async throws {
        try await withProxy([setting, "sshproxy.timeout=2s"]) { installation, _ in
            let end = try await installation.ssh("true")
            #expect(end.status == 255)
            #expect(end.errors.contains(text), "\(end.errors)")
        }
    }

    @Test("connections are forwarded in both directions, and a failed one says why")
    func forwarding() async throws {
        let settings = [
            "security.forwarding.forwardingMode=enable",
            "security.forwarding.reverseForwardingMode=enable",
            "security.forwarding.agentForwardingMode=enable",
        ]
        try await withProxy(settings) { installation, target in
            let through = try await installation.ssh(
                nil,
                arguments: ["-W", "127.0.0.1:\(target.port)"],
                input: .text("SSH-2.0-none\r\n")
            )
            #expect(through.output.hasPrefix("SSH-2.0-OpenSSH"), "\(through.errors)")
            let nowhere = try await installation.ssh(
                nil,
                arguments: ["-W", "127.0.0.1:\(Loopback.freePort())"]
            )
            #expect(nowhere.errors.contains("connect failed"), "\(nowhere.errors)")
            #expect(nowhere.errors.contains("SSHPROXY_BACKEND_FORWARD_FAILED"))
            // Back through the client to the target's own port, as that is what answers here.
            let port = Loopback.freePort()
            let back = try await installation.ssh(
                "exec 3<>/dev/tcp/127.0.0.1/\(port) && head -n 1 <&3",
                arguments: ["-R", "127.0.0.1:\(port):127.0.0.1:\(target.port)"]
            )
            #expect(back.output.hasPrefix("SSH-2.0-OpenSSH"), "\(back.errors)")
        }
    }
}
