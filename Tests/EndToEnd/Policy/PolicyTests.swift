import Foundation
import SharedMessages
import Testing

extension EndToEnd {
    @Suite("The section security, with real clients", .timeLimit(.minutes(5)))
    struct PolicyTests {
        @Test("what is not allowed is refused with a word, and what is goes on")
        func refusals() async throws {
            let settings = [
                "security.command.mode=filter",
                #"security.command.allow=["id -u", "regex:echo [a-z]+"]"#,
                "security.shell.mode=disable",
                "security.subsystem.mode=disable",
                "security.tty.mode=disable",
                "security.env.mode=filter",
                #"security.env.allow=["glob:LC_*"]"#,
            ]
            try await Installation.with(settings) { installation in
                let allowed = try await installation.ssh("echo hello")
                #expect(allowed.output == "hello\n")
                #expect(allowed.status == 0)

                let chained = try await installation.ssh("echo hello; id")
                #expect(chained.output.isEmpty)
                #expect(chained.status != 0)
                #expect(chained.errors.contains(MessageCode.securityExecRejected.id))

                let shell = try await installation.ssh(nil, arguments: ["-T"])
                #expect(shell.status != 0)
                #expect(shell.errors.contains(MessageCode.securityShellRejected.id))

                let terminal = try await installation.ssh("id -u", arguments: ["-tt"])
                #expect(terminal.errors.contains("PTY allocation request failed"))

                let sftp = try await installation.ssh("sftp", arguments: ["-s"])
                #expect(sftp.status != 0)
                #expect(sftp.errors.contains(MessageCode.securitySubsystemRejected.id))

                _ = try await installation.ssh("echo x", .with("SetEnv=EDITOR=vi"))
                for code in [
                    MessageCode.securityExecRejected, .securityShellRejected,
                    .securityTtyRejected, .securitySubsystemRejected, .securityEnvRejected,
                ] {
                    try await installation.awaitLog(.gateway, code)
                }
            }
        }

        @Test(
            "a signal that is not allowed does not reach the program, one that is does",
            .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
        )
        func signals() async throws {
            try await Installation.with([#"security.signal.deny=["USR1"]"#]) { installation in
                let end = try await installation.run(
                    try #require(Surroundings.python),
                    [
                        Surroundings.scripts.appending(path: "signals.py").path,
                        "\(installation.config.ports.ssh)", Installation.user,
                        installation.userKey, installation.config.path("known_hosts"),
                    ]
                )
                #expect(end.output == "got USR2\n", "\(end.errors)")
                try await installation.awaitLog(.gateway, .securitySignalRejected)
            }
        }

        @Test(
            "a configuration that breaks a rule or crosses the floor refuses the login with its code",
            arguments: [
                #"{ security: { command: { allow: ["regex:("] } } }"#,
                "{ backend: docker, docker: { execution: { host: { privileged: true } } } }",
            ]
        )
        func brokenConfiguration(_ config: String) async throws {
            try await Installation.with { installation in
                let rules = """
                    rules:
                      - name: broken
                        match: { user: "*" }
                        config: \(config)
                    """
                try Data(rules.utf8).write(to: URL(filePath: installation.config.rules))
                try await installation.stop(.configd)
                try await installation.restart(.configd)
                let end = try await installation.ssh("id")
                #expect(end.status == 255)
                #expect(end.errors.contains(MessageCode.backendConfigError.id))
                try await installation.awaitLog(.gateway, .backendConfigError)
            }
        }

        @Test("a forced command runs instead of everything, and knows what was asked for")
        func forced() async throws {
            let command = #"security.forceCommand=echo "menu:${SSH_ORIGINAL_COMMAND-none}""#
            try await Installation.with([command]) { installation in
                #expect(try await installation.ssh("id -u").output == "menu:id -u\n")
                #expect(
                    try await installation.ssh("sftp", arguments: ["-s"]).output == "menu:sftp\n"
                )
                #expect(try await installation.ssh(nil, arguments: ["-T"]).output == "menu:none\n")
                try await installation.awaitLog(.gateway, .securityExecForcingCommand)
            }
        }

        @Test("a closed session makes room for the next one on the same connection")
        func sessions() async throws {
            try await Installation.with(["security.maxSessions=1"]) { installation in
                let socket = installation.config.path("control")
                let master = try installation.launchSSH(
                    nil,
                    .with("ControlMaster=yes", "ControlPath=\(socket)"),
                    arguments: ["-N"]
                )
                defer { master.send(SIGTERM) }
                try await wait(for: "the master") { FileManager.default.fileExists(atPath: socket) }
                let through = Installation.Login.with("ControlMaster=no", "ControlPath=\(socket)")
                for number in 1...3 {
                    let end = try await installation.ssh("echo \(number)", through)
                    #expect(end.output == "\(number)\n")
                }
                let long = try installation.launchSSH("echo up; sleep 60", through)
                defer { long.send(SIGTERM) }
                try await wait(for: "the long one") { long.output.contains("up") }
                _ = try await installation.ssh("echo one too many", through)
                try await installation.awaitLog(.gateway, .securityMaxSessions)
            }
        }
    }
}
