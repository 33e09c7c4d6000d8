import Foundation
import SharedMessages
import Testing

extension EndToEnd {
    /// Every reason of RFC 4253 §11.1, caused and logged.
    @Suite(
        "Reasons of a connection's end",
        .timeLimit(.minutes(5)),
        .enabled(if: Surroundings.python != nil, Surroundings.pythonReason)
    )
    struct DisconnectTests {
        /// Many failures from one address are what is tested here.
        private static let patient = ["limits.penalties.enable=false"]

        private func run(_ installation: Installation, _ cases: [String]) async throws -> String {
            let end = try await installation.run(
                try #require(Surroundings.python),
                [
                    Surroundings.scripts.appending(path: "disconnects.py").path,
                    "\(installation.config.ports.ssh)", Installation.user,
                ] + cases
            )
            #expect(end.status == 0, "\(end.errors)")
            return end.output
        }

        @Test("what the client says is logged with its reason, its code and the side")
        func received() async throws {
            let codes: [MessageCode] = [
                .sshDisconnectHostNotAllowed, .sshDisconnectProtocolError,
                .sshDisconnectKexFailed, .sshDisconnectReserved, .sshDisconnectMacError,
                .sshDisconnectCompressionError, .sshDisconnectServiceNotAvailable,
                .sshDisconnectVersionNotSupported, .sshDisconnectHostKeyNotVerified,
                .sshDisconnectConnectionLost, .sshDisconnectByApplication,
                .sshDisconnectTooManyConnections, .sshDisconnectAuthCancelled,
                .sshDisconnectNoMoreMethods, .sshDisconnectIllegalUserName,
            ]
            try await Installation.with(Self.patient) { installation in
                let numbers = Array(1...codes.count) + [16, 4_294_967_295]
                let output = try await run(installation, numbers.map { "sent:\($0)" })
                #expect(output == numbers.map { "sent:\($0) closed\n" }.joined())
                for (number, code) in zip(
                    numbers,
                    codes + [.sshDisconnectUnknown, .sshDisconnectUnknown]
                ) {
                    try await awaitRecord(installation, code, "remote", number)
                }
                #expect(installation.log(.gateway).contains(#"reason 7 \u001b[2J"#))
                try await installation.awaitLog(.gateway, .sshVersionReceived)
                let listener = "\"listen\":\"127.0.0.1:\(installation.config.ports.ssh)\""
                #expect(
                    installation.log(.gateway).split(separator: "\n").contains {
                        $0.contains("\"SSH_CONNECTED\"") && $0.contains(listener)
                    }
                )
            }
        }

        @Test("a host that may not connect is told so with reason 1")
        func hostNotAllowed() async throws {
            let rules = ["limits.exempt=[]", "limits.deny=[127.0.0.0/8]"]
            try await Installation.with(rules) { installation in
                let output = try await run(installation, ["silent"])
                #expect(output.hasPrefix("silent 1 "), "\(output)")
                try await awaitRecord(installation, .sshDisconnectHostNotAllowed, "local", 1)
            }
        }

        @Test("what a client does wrong is answered with the right reason, and logged")
        func sent() async throws {
            try await Installation.with(Self.patient) { installation in
                let cases = [
                    "scanner", "version", "kex", "compression", "length", "mac", "service",
                    "methods",
                    "username",
                ]
                let output = try await run(installation, cases)
                let lines = output.split(separator: "\n").map(String.init)
                let expected = [
                    #"scanner 2 Invalid SSH identification string. 'Invalid SSH identification string.\r\n'"#,
                    #"version 8 Protocol version not supported; this is SSH 2.0. "#
                        + #"'Protocol version not supported; this is SSH 2.0.\r\n'"#,
                    "kex 3 No matching key exchange method found; offered: unheard-of. ''",
                    "compression 6 No matching compression (client to server) found; offered: zlib. ''",
                    "length 2 Bad packet length 4294967295. ''",
                    "mac 5 Corrupted MAC on input.",
                    "service 7 Only ssh-userauth is available.",
                    "methods 14 Too many authentication failures",
                    "username 15 This user name is not allowed.",
                ]
                #expect(lines == expected)
                for (code, reason) in [
                    (.sshDisconnectProtocolError, 2), (.sshDisconnectVersionNotSupported, 8),
                    (.sshDisconnectKexFailed, 3), (.sshDisconnectCompressionError, 6),
                    (.sshDisconnectMacError, 5), (.sshDisconnectServiceNotAvailable, 7),
                    (.sshDisconnectNoMoreMethods, 14), (.sshDisconnectIllegalUserName, 15),
                ] as [(MessageCode, Int)] {
                    try await awaitRecord(installation, code, "local", reason)
                }
            }
        }

        /// Waits for a line with the code, the side and the number.
        private func awaitRecord(
            _ installation: Installation,
            _ code: MessageCode,
            _ side: String,
            _ reason: Int
        ) async throws {
            try await wait(for: "\(code.id) \(side) \(reason)") {
                installation.log(.gateway).split(separator: "\n").contains { line in
                    line.contains("\"\(code.id)\"") && line.contains("\"side\":\"\(side)\"")
                        && line.contains("\"reasonCode\":\(reason)")
                }
            }
        }
    }
}
