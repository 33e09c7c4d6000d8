import Foundation
import Testing

extension EndToEnd {
    /// What `berth simulate` foretells is held against what the OpenSSH client then meets.
    @Suite("berth simulate and ssh", .timeLimit(.minutes(10)))
    struct SimulationTests {
        private static let command = "echo hello"

        /// The users' names, and the options of their keys.
        private static let users = [
            ("plain", ""), ("menu", #"command="echo from the key" "#), ("bare", "restrict "),
            ("far", #"from="192.0.2.0/24" "#), ("expired", #"expiry-time="20200101" "#),
            ("team", ""), ("exception", ""), ("broken", ""), ("closed", ""), ("floor", ""),
        ]

        private static let rules = #"""
            rules:
              - name: everybody
                layer: base
                match: { user: "*" }
                config:
                  sandbox: { hostname: simulated }
                  security: { forwarding: { forwardingMode: enable } }
              - name: team
                layer: team
                match: { user: [team, exception] }
                config:
                  security:
                    command: { mode: filter, allow: ["id -u"] }
                    tty: { mode: disable }
                    forwarding: { forwardingMode: filter, destinations: { allow: ["localhost:1"] } }
              - name: exception
                layer: exception
                match: { user: exception }
                config:
                  security: { forceCommand: "echo the exception", tty: { mode: enable } }
              - name: broken
                match: { user: broken }
                environment: { TEAM: "${metadata.team}" }
              - name: closed
                match: { user: closed }
                config: { security: { defaultMode: disable } }
              - name: floor
                match: { user: floor }
                config: { backend: docker, docker: { execution: { host: { privileged: true } } } }
            """#

        @Test("every login and request ends as it was foretold")
        func equality() async throws {
            try await Installation.with { installation in
                let rules = URL(filePath: installation.config.rules)
                try Data(Self.rules.utf8).write(to: rules)
                try await installation.stop(.configd)
                try await installation.restart(.configd)
                var kinds: Set<String> = []
                for (user, options) in Self.users {
                    let key = try await add(user, options, installation)
                    let simulated = try await simulate(user, key, installation)
                    var login = Installation.Login(user: user)
                    login.proof = .key(key)
                    let met = try await meet(login, installation)
                    #expect(simulated == met, "\(user)")
                    kinds.insert(met.kind)
                }
                #expect(kinds == ["refused", "all", "some", "none"])
            }
        }

        /// What can be compared.
        struct Outcome: Equatable {
            var isIn: Bool
            /// Of the command, a terminal, a forwarded connection.
            var allowed: [Bool] = []
            /// What the program printed.
            var output = ""

            var kind: String {
                guard isIn else { return "refused" }
                return allowed.allSatisfy(\.self)
                    ? "all" : allowed.contains(true) ? "some" : "none"
            }
        }

        /// A user with a key of their own, whose file is returned.
        private func add(_ user: String, _ options: String, _ installation: Installation)
            async throws -> String
        {
            let key = installation.config.path("key-\(user)")
            let made = try await installation.run(
                "/usr/bin/ssh-keygen",
                ["-q", "-t", "ed25519", "-N", "", "-f", key]
            )
            try #require(made.status == 0, "\(made.errors)")
            let line = options + (try String(contentsOfFile: key + ".pub", encoding: .utf8))
            let lines = key + ".line"
            try Data(line.utf8).write(to: URL(filePath: lines))
            let server = "unix://\(installation.config.adminSocket)"
            let steps = [
                ["add", "--no-password", user],
                ["import", "--authorized-keys", lines, "--user", user],
            ]
            for arguments in steps {
                let end = try await installation.berth(["user", "--server", server] + arguments)
                try #require(end.status == 0, "\(end.errors)")
            }
            return key
        }

        private func simulate(_ user: String, _ key: String, _ installation: Installation)
            async throws -> Outcome
        {
            let end = try await installation.berth([
                "simulate", "--config", installation.config.file, "--user", user, "--ip",
                "127.0.0.1", "--key", key + ".pub", "--command", Self.command, "--request", "pty",
                "--request", "forward localhost:9", "--json",
            ])
            let report = try JSONDecoder().decode(Report.self, from: Data(end.output.utf8))
            guard report.outcome == "accepted" else { return Outcome(isIn: false) }
            func answer(_ prefix: String) -> Report.Answer? {
                report.requests.first { $0.request.hasPrefix(prefix) }
            }
            let requests = ["exec", "pty", "forward"].map(answer)
            let program = (requests[0]?.runs ?? "").replacing("exec ", with: "")
            let text = program.hasPrefix("echo ") ? program.dropFirst("echo ".count) + "\n" : ""
            return Outcome(
                isIn: true,
                allowed: requests.map { $0?.allowed ?? false },
                output: String(text)
            )
        }

        /// What `berth simulate --json` prints, as far as it is used here.
        private struct Report: Decodable {
            struct Answer: Decodable {
                var request: String
                var allowed: Bool
                var runs: String?
            }

            var outcome: String
            var requests: [Answer]
        }

        private func meet(_ login: Installation.Login, _ installation: Installation) async throws
            -> Outcome
        {
            let program = try await installation.ssh(Self.command, login)
            let refusals = ["Permission denied", "Received disconnect"]
            if refusals.contains(where: program.errors.contains) { return Outcome(isIn: false) }
            let terminal = try await installation.ssh(Self.command, login, arguments: ["-tt"])
            let forward = try await installation.ssh(nil, login, arguments: ["-W", "localhost:9"])
            return Outcome(
                isIn: true,
                allowed: [
                    program.status == 0,
                    !terminal.errors.contains("PTY allocation request failed"),
                    // A connection that is allowed finds nobody at this port.
                    !forward.errors.contains("administratively prohibited"),
                ],
                output: program.output
            )
        }
    }
}
