import Foundation
import GatewayClient
import SharedMessages
import Testing

extension EndToEnd {
    @Suite("Live connections", .timeLimit(.minutes(5)))
    struct SessionsTests {
        @Test("are listed, and ended with a text for the person and events for the operator")
        func kill() async throws {
            // An installation of its own: nobody else's connection is to be ended.
            try await Installation.with { installation in
                let client = try installation.launchSSH("echo up; sleep 600")
                defer { client.send(SIGTERM) }
                try await wait(for: "the program") { client.output.contains("up") }

                let record = try #require(try await list(installation).first)
                #expect(record.isAuthenticated)
                #expect(record.username == Installation.user)
                #expect(record.remoteAddress == "127.0.0.1")
                #expect(record.clientVersion.hasPrefix("SSH-2.0-OpenSSH"))
                #expect(record.openSessions == 1)
                #expect(record.bytesReceived > 1000)
                #expect(record.bytesSent > 1000)

                let killed = try await sessions(
                    installation,
                    ["kill", "--user", Installation.user, "--reason", "maintenance at noon"]
                )
                #expect(killed.output == "\(record.id) ended\n")
                let end = try await client.end()
                #expect(end.status == 255)
                #expect(end.errors.contains("maintenance at noon"))
                #expect(end.errors.contains(MessageCode.gatewaySessionRevoked.id))
                for code in [
                    MessageCode.sshAlgorithmsAgreed, .sessionCreated, .gatewaySessionRevoked,
                    .sessionEnded,
                ] {
                    try await installation.awaitLog(.gateway, code)
                }
                try await wait(for: "nobody is there") {
                    try await list(installation).isEmpty
                }
                let unknown = try await sessions(
                    installation,
                    ["kill", record.id, "--reason", "once more"]
                )
                #expect(unknown.status == 1)
                #expect(unknown.errors.contains(MessageCode.gatewaySessionUnknown.id))
            }
        }

        private func list(_ installation: Installation) async throws -> [SessionRecord] {
            let end = try await sessions(installation, ["list", "--json"])
            try #require(end.status == 0, "\(end.errors)")
            return try JSONDecoder().decode([SessionRecord].self, from: Data(end.output.utf8))
        }

        private func sessions(
            _ installation: Installation,
            _ arguments: [String]
        ) async throws -> Program.End {
            let server = "unix://\(installation.config.gatewaySocket)"
            return try await installation.run(
                Surroundings.programs.appending(path: "berth").path,
                ["sessions", "--server", server] + arguments,
                environment: ["BERTH_CODES_FILE": try Surroundings.codesFile()]
            )
        }
    }
}
