import Foundation
import Glibc
import SharedMessages
import Testing

extension ForwardingTests {
    @Suite("The client's agent and display", .timeLimit(.minutes(4)))
    struct AgentTests {
        /// Runs `body` with an agent that holds the user's key.
        private func withAgent(
            _ body: (Installation, _ socket: String) async throws -> Void
        ) async throws {
            let installation = try Installation.current
            let socket = installation.config.path("agent-\(Surroundings.freePort())")
            let agent = try installation.launch("/usr/bin/ssh-agent", ["-D", "-a", socket])
            defer { agent.send(SIGTERM) }
            try await wait(for: "the agent") { unsafe access(socket, F_OK) == 0 }
            let added = try await installation.run(
                "/usr/bin/ssh-add",
                ["-q", installation.userKey],
                environment: ["SSH_AUTH_SOCK": socket]
            )
            try #require(added.status == 0, "\(added.errors)")
            try await body(installation, socket)
        }

        private func ssh(_ command: String, _ socket: String) async throws -> Program.End {
            let installation = try Installation.current
            // ssh forwards the agent that it could ask itself, and no other.
            return try await installation.run(
                "/usr/bin/ssh",
                installation.options(.with("ForwardAgent=yes"))
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1", command],
                environment: ["SSH_AUTH_SOCK": socket]
            )
        }

        @Test("-A: programs in the sandbox use the client's agent, several at once")
        func list() async throws {
            try await withAgent { installation, socket in
                let key = try await installation.run(
                    "/usr/bin/ssh-keygen",
                    ["-lf", installation.userKey + ".pub"]
                )
                let fingerprint = key.output.split(separator: " ")[1]
                let end = try await ssh(
                    "for n in 1 2 3 4 5 6 7 8; do ssh-add -l & done; wait",
                    socket
                )
                let lines = end.output.split(separator: "\n")
                #expect(lines.count == 8, "\(end.errors)")
                #expect(lines.allSatisfy { $0.contains(fingerprint) })
            }
        }

        @Test("-A: a second hop logs in with the client's key")
        func secondHop() async throws {
            try await withAgent { installation, socket in
                let key = try String(
                    contentsOfFile: installation.userKey + ".pub",
                    encoding: .utf8
                )
                let end = try await ssh(
                    """
                    mkdir -p -m 700 ~/.ssh && echo '\(key.trimmingCharacters(in: .newlines))' \
                    > ~/.ssh/authorized_keys && ssh-keygen -q -t ed25519 -N '' -f /tmp/host
                    /usr/sbin/sshd -p 2022 -h /tmp/host -f /dev/null -o UsePAM=no \
                    -o PidFile=none -o StrictModes=no -E /tmp/log
                    until grep -q 'listening on 0.0.0.0' /tmp/log; do sleep 0.1; done
                    ssh -p 2022 -o StrictHostKeyChecking=accept-new -o BatchMode=yes \
                    -o IdentityFile=none 127.0.0.1 'echo second hop as $USER' || cat /tmp/log
                    """,
                    socket
                )
                #expect(end.output == "second hop as dev\n", "\(end.errors)")
            }
        }

        @Test("a session that did not ask for the agent has none")
        func noAgent() async throws {
            let end = try await Installation.current.ssh("echo \"agent: $SSH_AUTH_SOCK\"")
            #expect(end.output == "agent: \n")
        }

        @Test(
            "-Y: an X11 program in the sandbox finds display and cookie, and gets to the client's"
        )
        func display() async throws {
            let installation = try Installation.current
            let number = Int.random(in: 200...9000)
            let (server, _) = try await installation.server("display", "\(6000 + number)")
            let end = try await installation.run(
                "/usr/bin/ssh",
                installation.options(.with("ForwardX11=yes", "ForwardX11Trusted=yes"))
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
                    + ["echo $DISPLAY; xauth list; xauth list | wc -l; xdpyinfo"],
                environment: ["DISPLAY": "127.0.0.1:\(number)"]
            )
            let lines = end.output.split(separator: "\n").map(String.init)
            #expect(lines.first == ":10.0", "\(end.errors)")
            #expect(
                end.output.contains(
                    /end-to-end\/unix:10 +MIT-MAGIC-COOKIE-1 +[0-9a-f]{32}/
                ),
                "\(end.output)"
            )
            #expect(lines.last == "1")
            // The client passes on only what comes with its cookie; the rest is the server's.
            #expect(end.errors.contains("berth says no"), "\(end.errors)")
            try server.closeInput()
        }
    }
}
