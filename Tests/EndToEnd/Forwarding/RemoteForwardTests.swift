import Foundation
import Glibc
import SharedMessages
import Testing

extension ForwardingTests {
    @Suite("Connections from the sandbox", .timeLimit(.minutes(6)))
    struct RemoteForwardTests {
        private static let hello = "5 2cf24dba5fb0a30e26e83b2ac5b9e29e"

        @Test(
            "-R brings connections to a port in the sandbox home",
            arguments: [
                ("7070", "7070"), ("localhost:7071", "[::1]:7071"), ("*:7072", "127.0.0.1:7072"),
                ("127.0.0.1:7073", "7073"), ("[::1]:7074", "[::1]:7074"),
            ]
        )
        func tcp(listen: String, connect: String) async throws {
            let installation = try Installation.current
            let (server, port) = try await installation.server("sink", "0")
            let end = try await installation.ssh(
                "printf hello | \(try Sockets.command("send '\(connect)'"))",
                arguments: ["-R", "\(listen):127.0.0.1:\(port)"]
            )
            #expect(end.output.hasPrefix(Self.hello), "\(end.errors)")
            #expect(end.status == 0)
            try server.closeInput()
            try await installation.awaitLog(.gateway, .forwardListening)
            try await installation.awaitLog(.gateway, .forwardAccepted)
        }

        @Test("-R 0 tells the port that was found")
        func anyPort() async throws {
            let installation = try Installation.current
            let (server, port) = try await installation.server("sink", "0")
            let client = try installation.launchSSH(
                "sh",
                arguments: ["-R", "0:127.0.0.1:\(port)"],
                input: .held
            )
            try await wait(for: "the port") { client.errors.contains("Allocated port") }
            let words = client.errors.split(separator: " ")
            let place = try #require(words.firstIndex(of: "port"))
            let allocated = try #require(Int(words[place + 1]))
            try client.write("printf hello | \(try Sockets.command("send \(allocated)"))\n")
            try client.closeInput()
            let end = try await client.end()
            #expect(end.output.hasPrefix(Self.hello), "\(end.errors)")
            try server.closeInput()
        }

        @Test("-R brings connections to a socket in the sandbox home, to a port and to a socket")
        func unixSocket() async throws {
            let installation = try Installation.current
            let (server, port) = try await installation.server("sink", "0")
            let path = installation.config.path("r-\(port).sock")
            let (second, _) = try await installation.server("sink", path)
            let end = try await installation.ssh(
                """
                for far in /tmp/one.sock /tmp/two.sock
                do printf hello | \(try Sockets.command("send $far")); done
                """,
                arguments: [
                    "-R", "/tmp/one.sock:127.0.0.1:\(port)", "-R", "/tmp/two.sock:\(path)",
                ]
            )
            let lines = end.output.split(separator: "\n")
            #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix(Self.hello) }, "\(end)")
            try server.closeInput()
            try second.closeInput()
        }

        @Test("a target that the client cannot reach closes the connection, and is told")
        func nobodyThere() async throws {
            let installation = try Installation.current
            let end = try await installation.ssh(
                "printf hello | \(try Sockets.command("send 7070")); echo over",
                arguments: ["-R", "7070:127.0.0.1:1"]
            )
            #expect(end.output == "over\n")
            try await installation.awaitLog(.gateway, .forwardRefusedByClient)
        }

        @Test("a port that is taken is refused, and the session goes on")
        func taken() async throws {
            let installation = try Installation.current
            let end = try await installation.ssh(
                "echo here",
                arguments: ["-R", "7070:127.0.0.1:1", "-R", "127.0.0.1:7070:127.0.0.1:2"]
            )
            #expect(end.errors.contains("remote port forwarding failed for listen port 7070"))
            #expect(end.output == "here\n")
            try await installation.awaitLog(.gateway, .forwardListenFailed)
        }

        @Test("50 MB from the sandbox through -R and back arrive as they were sent")
        func intact() async throws {
            let installation = try Installation.current
            let (server, port) = try await installation.server("echo", "0")
            let (file, digest) = try installation.randomFile(megabytes: 50)
            let end = try await installation.ssh(
                try Sockets.command("send 7070"),
                arguments: ["-R", "7070:127.0.0.1:\(port)"],
                input: .file(file),
                within: .seconds(200)
            )
            #expect(end.status == 0, "\(end.errors)")
            #expect(try Installation.sha256(of: end.outputFile) == digest)
            try server.closeInput()
        }

        @Test("-O adds a place to listen and takes it back")
        func controlMaster() async throws {
            let installation = try Installation.current
            let (server, port) = try await installation.server("sink", "0")
            let control = installation.config.path("c\(Surroundings.freePort())")
            let master = try installation.launchSSH(
                "echo ready 1; cat",
                arguments: ["-M", "-S", control],
                input: .held
            )
            _ = try await master.ready()
            func operate(_ operation: String, _ forward: String) async throws -> Program.End {
                try await installation.ssh(
                    nil,
                    arguments: ["-S", control, "-R", forward, "-O", operation]
                )
            }
            func send(_ far: String) async throws -> String {
                let command = "printf hello | \(try Sockets.command("send \(far)")) 2>&1"
                return try await installation.ssh(command, arguments: ["-S", control]).output
            }
            let allocated = try await operate("forward", "0:127.0.0.1:\(port)")
            let far = allocated.output.split(separator: "\n").first.map(String.init) ?? ""
            #expect(try await send(far).hasPrefix(Self.hello), "\(allocated)")
            #expect(try await operate("forward", "/tmp/x.sock:127.0.0.1:\(port)").status == 0)
            #expect(try await send("/tmp/x.sock").hasPrefix(Self.hello))
            #expect(try await operate("cancel", "0:127.0.0.1:\(port)").status == 0)
            #expect(try await send(far).contains("Connection refused"))
            try await installation.awaitLog(.gateway, .forwardListenEnded)
            try master.closeInput()
            #expect(try await master.end().status == 0)
            try server.closeInput()
        }
    }
}
