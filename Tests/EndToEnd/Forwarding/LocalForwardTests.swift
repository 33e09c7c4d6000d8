import Foundation
import Glibc
import SharedMessages
import Testing

extension ForwardingTests {
    @Suite("Connections of the client", .timeLimit(.minutes(6)))
    struct LocalForwardTests {
        @Test("-L reaches a port in the sandbox, and each side's end arrives for itself")
        func tcp() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "sink",
                "8080",
                ["-L", "\(port):127.0.0.1:8080"]
            )
            let end = try await installation.sockets("send", "\(port)", input: .text("hello"))
            #expect(end.output.hasPrefix("5 2cf24dba5fb0a30e26e83b2ac5b9e29e"))
            try client.closeInput()
            #expect(try await client.end().status == 0)
            try await installation.awaitLog(.gateway, .forwardOpened)
            try await installation.awaitLog(.gateway, .forwardClosed)
        }

        @Test("-L reaches a socket in the sandbox, from a port and from a socket")
        func unixSocket() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let path = installation.config.path("l-\(port).sock")
            let (client, _) = try await installation.serverInside(
                "sink",
                "/tmp/far.sock",
                ["-L", "\(port):/tmp/far.sock", "-L", "\(path):/tmp/far.sock"]
            )
            for near in ["\(port)", path] {
                let end = try await installation.sockets("send", near, input: .text("hello"))
                #expect(end.output.hasPrefix("5 2cf24dba5fb0a30e26e83b2ac5b9e29e"))
            }
            try client.closeInput()
            #expect(try await client.end().status == 0)
        }

        @Test(
            "-D leads a browser to names and addresses in the sandbox",
            arguments: [
                "http://localhost:8081/", "http://127.0.0.1:8081/", "http://end-to-end:8081/",
            ]
        )
        func dynamic(url: String) async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let client = try installation.launchSSH(
                "mkdir /tmp/site && cd /tmp/site && echo found > index.html"
                    + " && (\(Sockets.python) -u -m http.server 8081 >/tmp/log 2>&1 &)"
                    + " && until grep -q Serving /tmp/log; do sleep 0.1; done; echo ready 8081; cat",
                arguments: ["-D", "\(port)"],
                input: .held
            )
            _ = try await client.ready()
            let end = try await installation.run(
                "/usr/bin/curl",
                ["-sS", "--max-time", "20", "--socks5-hostname", "127.0.0.1:\(port)", url]
            )
            #expect(end.output == "found\n", "\(end.errors)")
            try client.closeInput()
            _ = try await client.end()
        }

        @Test("a target that is not there is an open failure with words, and harms nothing")
        func nobodyThere() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let client = try installation.launchSSH(
                "echo ready 1; cat",
                arguments: ["-L", "\(port):127.0.0.1:9", "-L", "\(port + 1):/tmp/none.sock"],
                input: .held
            )
            _ = try await client.ready()
            for near in [port, port + 1] {
                let end = try await installation.sockets("send", "\(near)", input: .text("x"))
                #expect(end.output.isEmpty)
            }
            try await wait(for: "two refusals") {
                client.errors.components(separatedBy: "connect failed: ").count == 3
            }
            #expect(client.errors.contains("[SANDBOX_DIAL_FAILED]"), "\(client.errors)")
            try client.write("alive\n")
            try client.closeInput()
            #expect(try await client.end().output.hasSuffix("alive\n"))
            try await installation.awaitLog(.gateway, .forwardFailed)
        }

        @Test("a name that nobody knows is an open failure with words")
        func unknownName() async throws {
            let installation = try Installation.current
            let end = try await installation.ssh(nil, arguments: ["-W", "no.such.name:80"])
            #expect(end.errors.contains("name of the target is not known"), "\(end.errors)")
            #expect(end.status == 255)
        }

        @Test("100 MB through a forward and back arrive as they were sent")
        func intact() async throws {
            let installation = try Installation.current
            let (file, digest) = try installation.randomFile(megabytes: 100)
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "echo",
                "8080",
                ["-L", "\(port):127.0.0.1:8080"]
            )
            let end = try await installation.sockets("send", "\(port)", input: .file(file))
            #expect(end.status == 0, "\(end.errors)")
            #expect(try Installation.sha256(of: end.outputFile) == digest)
            try client.closeInput()
            #expect(try await client.end().status == 0)
        }

        @Test("sixty connections at once are carried each for itself")
        func manyAtOnce() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "echo",
                "8080",
                ["-L", "\(port):127.0.0.1:8080"]
            )
            let end = try await installation.sockets("many", "\(port)", "60")
            #expect(end.output == "60\n")
            try client.closeInput()
            #expect(try await client.end().status == 0)
        }

        @Test(
            "-W through a shared connection reaches the same sandbox; -O adds forwards and takes them back"
        )
        func controlMaster() async throws {
            let installation = try Installation.current
            let control = installation.config.path("c\(Surroundings.freePort())")
            let (master, _) = try await installation.serverInside(
                "sink",
                "8080",
                ["-M", "-S", control]
            )
            let direct = try await installation.ssh(
                nil,
                arguments: ["-S", control, "-W", "127.0.0.1:8080"],
                input: .text("hello")
            )
            #expect(direct.output.hasPrefix("5 2cf24dba"), "\(direct.errors)")

            let port = Surroundings.freePort()
            let forward = ["-S", control, "-L", "\(port):127.0.0.1:8080"]
            let added = try await installation.ssh(nil, arguments: forward + ["-O", "forward"])
            #expect(added.status == 0, "\(added.errors)")
            let end = try await installation.sockets("send", "\(port)", input: .text("hello"))
            #expect(end.output.hasPrefix("5 2cf24dba"))
            let taken = try await installation.ssh(nil, arguments: forward + ["-O", "cancel"])
            #expect(taken.status == 0, "\(taken.errors)")
            let after = try await installation.sockets("send", "\(port)", input: .text("hello"))
            #expect(after.status != 0)
            try master.closeInput()
            #expect(try await master.end().status == 0)
        }
    }
}
