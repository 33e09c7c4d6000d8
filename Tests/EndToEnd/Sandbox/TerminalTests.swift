import Foundation
import Testing

extension EndToEnd {
    @Suite("An interactive shell", .timeLimit(.minutes(5)))
    struct TerminalTests {
        @Test("its size, a resize, Ctrl-C and the exit status are right")
        func interactive() async throws {
            let installation = try Installation.current
            let end = try await installation.run(
                "/usr/bin/python3",
                [Surroundings.scripts.appending(path: "terminal.py").path, "/usr/bin/ssh"]
                    + installation.options(.key)
                    + ["-p", "\(installation.config.ports.ssh)", "dev@127.0.0.1"]
            )
            #expect(end.output == "ok\n", "\(end.errors)")
        }

        @Test("a command with a terminal gets standard error through it")
        func command() async throws {
            let end = try await Installation.current.ssh(
                "tty; echo err >&2",
                arguments: ["-tt"]
            )
            #expect(end.output.hasPrefix("/dev/pts/"))
            #expect(end.output.hasSuffix("\r\nerr\r\n"))
        }
    }
}
