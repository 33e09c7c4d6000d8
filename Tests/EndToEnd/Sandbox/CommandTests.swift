import Foundation
import Testing

extension EndToEnd {
    @Suite("A command over ssh", .timeLimit(.minutes(5)))
    struct CommandTests {
        @Test("standard output, standard error and the exit status arrive apart from each other")
        func streams() async throws {
            let end = try await Installation.current.ssh("echo out; echo err >&2; exit 7")
            #expect(end.output == "out\n")
            #expect(end.errors == "Welcome to the end-to-end tests\nerr\n")
            #expect(end.status == 7)
        }

        @Test("the end by a signal is told as a signal, which ssh shows as status 255")
        func signal() async throws {
            let end = try await Installation.current.ssh(
                "kill -TERM $$",
                arguments: ["-v"]
            )
            #expect(end.status == 255)
            #expect(end.errors.contains("client_input_channel_req: channel 0 rtype exit-signal"))
        }

        @Test("what comes after the end of the input still arrives")
        func halfClose() async throws {
            let end = try await Installation.current.ssh(
                "cat; sleep 0.2; echo end",
                input: .text("x")
            )
            #expect(end.output == "xend\n")
            #expect(end.status == 0)
        }

        @Test("ssh -n gives the program an empty input")
        func noInput() async throws {
            let end = try await Installation.current.ssh("wc -c", arguments: ["-n"])
            #expect(end.output == "0\n")
            #expect(end.status == 0)
        }

        @Test("a variable that the client sends reaches the program")
        func environment() async throws {
            let end = try await Installation.current.ssh(
                "echo \"$E2E_COLOR\"",
                .with("SetEnv=E2E_COLOR=blue")
            )
            #expect(end.output == "blue\n")
        }

        @Test("what the rules of configd say about the user reaches the program")
        func rules() async throws {
            let end = try await Installation.current.ssh("echo \"$BERTH_USER\"; hostname")
            #expect(end.output == "\(Installation.user)\nend-to-end\n")
        }

        @Test("a command that is not there ends with status 127 and the shell's words")
        func notFound() async throws {
            let end = try await Installation.current.ssh("no-such-command-anywhere")
            #expect(end.status == 127)
            #expect(end.errors.contains("no-such-command-anywhere"))
        }

        @Test("an unknown subsystem is refused, and the client ends")
        func unknownSubsystem() async throws {
            let end = try await Installation.current.ssh("no-such-subsystem", arguments: ["-s"])
            #expect(end.status == 255)
            #expect(end.errors.contains("subsystem request failed"))
        }

        @Test("50 connections at once are all served")
        func manyConnections() async throws {
            let installation = try Installation.current
            let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let end = try await installation.ssh(
                            "echo \(number)",
                            within: .seconds(170)
                        )
                        return "\(end.output.dropLast()) \(end.status) \(end.errors.count)"
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            let banner = "Welcome to the end-to-end tests\n".count
            #expect(outputs == Set((0..<50).map { "\($0) 0 \(banner)" }))
        }

        @Test("a client that is killed leaves no process behind")
        func killedClient() async throws {
            let installation = try Installation.current
            let marker = HostProcesses.uniqueSleep()
            let client = try installation.launchSSH("sleep \(marker)", arguments: ["-n"])
            // The client's own command line has it too.
            try await wait(for: "the program runs") { HostProcesses.count(marker) >= 2 }
            client.send(SIGKILL)
            _ = try await client.end()
            try await wait(for: "nothing is left") { HostProcesses.count(marker) == 0 }
        }

        @Test("a background program ends with its connection")
        func background() async throws {
            let marker = HostProcesses.uniqueSleep()
            let end = try await Installation.current.ssh(
                "setsid sleep \(marker) >/dev/null 2>&1 </dev/null & echo started"
            )
            #expect(end.output == "started\n")
            try await wait(for: "nothing is left") { HostProcesses.count(marker) == 0 }
        }
    }
}
