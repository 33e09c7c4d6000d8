import Glibc
import SharedMessages
import Testing

extension EndToEnd {
    @Suite("A connection", .timeLimit(.minutes(5)))
    struct ConnectionTests {
        @Test("the server answers the client's keepalives")
        func clientKeepalive() async throws {
            let end = try await Installation.current.ssh(
                "sleep 8; echo alive",
                .with("ServerAliveInterval=1", "ServerAliveCountMax=4")
            )
            #expect(end.output == "alive\n")
            #expect(end.status == 0)
        }

        @Test("a client that answers the server's keepalives stays")
        func serverKeepalive() async throws {
            let end = try await Installation.current.ssh(
                "sleep 5; echo alive",
                arguments: ["-vvv"]
            )
            #expect(end.output == "alive\n")
            #expect(end.errors.contains("keepalive@openssh.com"))
        }

        @Test("a client that stands still is given up after the server's keepalives")
        func deadClient() async throws {
            let installation = try Installation.current
            let marker = HostProcesses.uniqueSleep()
            let client = try installation.launchSSH("sleep \(marker)", arguments: ["-n"])
            try await wait(for: "the program runs") { HostProcesses.count(marker) >= 2 }
            client.send(SIGSTOP)
            defer { client.send(SIGKILL) }
            // The stopped client itself remains.
            try await wait(for: "the program is gone") { HostProcesses.count(marker) == 1 }
            try await installation.awaitLog(.gateway, .sshKeepaliveNoresp)
        }

        @Test("a client hears that the program reads no more of its input")
        func endOfWrite() async throws {
            let installation = try Installation.current
            let (file, _) = try installation.randomFile(megabytes: 10)
            let end = try await installation.ssh(
                "exec <&-; sleep 1; echo done",
                arguments: ["-vv"],
                input: .file(file)
            )
            #expect(end.output == "done\n")
            #expect(end.status == 0)
            #expect(end.errors.contains("rtype eow@openssh.com"))
        }

        @Test("forwarding an agent is refused, and the session goes on")
        func agent() async throws {
            let installation = try Installation.current
            let socket = installation.config.path("agent")
            let agent = try installation.launch("/usr/bin/ssh-agent", ["-D", "-a", socket])
            defer { agent.send(SIGTERM) }
            try await wait(for: "the agent") { unsafe access(socket, F_OK) == 0 }
            let end = try await installation.run(
                "/usr/bin/ssh",
                installation.options(.with("ForwardAgent=yes"))
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
                    + ["echo \"agent: $SSH_AUTH_SOCK\""],
                environment: ["SSH_AUTH_SOCK": socket]
            )
            #expect(end.output == "agent: \n")
            #expect(end.status == 0)
            try await wait(for: "the refusal in the log") {
                installation.log(.gateway).contains("auth-agent-req@openssh.com")
            }
        }

        @Test("forwarding of X11 is refused, and the session goes on")
        func x11() async throws {
            let installation = try Installation.current
            let end = try await installation.run(
                "/usr/bin/ssh",
                installation.options(.with("ForwardX11=yes", "ForwardX11Trusted=yes"))
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
                    + ["echo \"display: $DISPLAY\""],
                environment: ["DISPLAY": "127.0.0.1:99"]
            )
            #expect(end.errors.contains("X11 forwarding request failed"))
            #expect(end.output == "display: \n")
            #expect(end.status == 0)
        }

        @Test("a port of the server is not opened, and the session goes on")
        func remoteForward() async throws {
            let end = try await Installation.current.ssh(
                "echo still here",
                arguments: ["-R", "0:127.0.0.1:1"]
            )
            #expect(end.errors.contains("remote port forwarding failed"))
            #expect(end.output == "still here\n")
        }

        @Test("a forwarded connection is refused, and the session goes on")
        func localForward() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let client = try installation.launchSSH(
                "cat",
                arguments: ["-L", "127.0.0.1:\(port):127.0.0.1:\(installation.config.ports.ssh)"],
                input: .held
            )
            try client.write("before\n")
            try await wait(for: "the session") { client.output == "before\n" }
            let answer = try await installation.get("http://127.0.0.1:\(port)/")
            #expect(answer == nil)
            try await wait(for: "the refusal") { client.errors.contains("open failed") }
            try client.write("after\n")
            try client.closeInput()
            let end = try await client.end()
            #expect(end.output == "before\nafter\n")
            #expect(end.status == 0)
        }
    }
}
