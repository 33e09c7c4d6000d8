import Foundation
import SharedMessages
import Testing

extension EndToEnd {
    @Suite("Events of real sessions", .timeLimit(.minutes(5)))
    struct EventsTests {
        @Test("programs are told with their command and result, recordings with their size")
        func programs() async throws {
            let installation = try Installation.current
            let marker = "echo event-\(UUID().uuidString); exit 7"
            let end = try await installation.ssh(marker)
            #expect(end.status == 7)
            try await wait(for: "the end of the program in the log") {
                installation.log(.gateway).split(separator: "\n").contains {
                    $0.contains(MessageCode.sessionProgramEnded.id) && $0.contains(marker)
                        && $0.contains(#""exitCode":7"#) && $0.contains(#""username":"dev""#)
                }
            }
            for code in [
                MessageCode.sessionProgramStarted, .recordingStarted, .recordingStopped,
                .sessionEnded,
            ] {
                try await installation.awaitLog(.gateway, code)
            }
        }

        @Test("the login of somebody privileged is marked")
        func privileged() async throws {
            let settings = [
                #"auth.privilegedUsers=["glob:d?v"]"#, "security.forwarding.forwardingMode=enable",
                "security.forwarding.maxConnections=0",
            ]
            try await Installation.with(settings) { installation in
                let end = try await installation.ssh(nil, arguments: ["-W", "localhost:9"])
                #expect(end.errors.contains(MessageCode.securityMaxForwards.id))
                try await installation.awaitLog(.gateway, .sshLoginPrivileged)
                try await installation.awaitLog(.gateway, .securityMaxForwards)
            }
        }

        @Test("a recording at its limit ends the session, and says so")
        func recordingLimit() async throws {
            let settings = ["audit.maxSize=65536", "audit.intercept.stdout=true"]
            try await Installation.with(settings) { installation in
                let end = try await installation.ssh("head -c 1000000 /dev/zero")
                #expect(end.status == 255)
                #expect(end.errors.contains(MessageCode.recordingSizeLimit.id))
                try await installation.awaitLog(.gateway, .recordingSizeLimit)
                try await installation.awaitLog(.gateway, .recordingStopped)
            }
        }

        @Test("forwarded connections obey the rules, by what a name resolves to")
        func forwards() async throws {
            let settings = [
                "security.forwarding.forwardingMode=filter",
                #"security.forwarding.destinations.allow=["localhost:9", "*:80"]"#,
                "security.forwarding.reverseForwardingMode=filter",
                #"security.forwarding.listeners.allow=["localhost:1024-65535"]"#,
                "security.forwarding.maxListeners=1",
            ]
            try await Installation.with(settings) { installation in
                func through(_ target: String) async throws -> String {
                    try await installation.ssh(nil, arguments: ["-W", target]).errors
                }
                let closed = try await through("localhost:9")
                #expect(closed.contains("connect failed") || closed.contains("FORWARD_FAILED"))
                let forbidden = try await through("localhost:10")
                #expect(forbidden.contains(MessageCode.securityForwardingRejected.id))
                for target in ["169.254.169.254:80", "0xa9fea9fe:80", "0.0.0.0:80"] {
                    let denied = try await through(target)
                    #expect(
                        denied.contains(MessageCode.securityForwardAddressDenied.id),
                        "\(target)"
                    )
                }
                let listening = try await installation.ssh(
                    "echo on",
                    arguments: ["-R", "localhost:0:127.0.0.1:1", "-R", "localhost:0:127.0.0.1:2"]
                )
                #expect(listening.output == "on\n")
                let everywhere = try await installation.ssh(
                    "echo on",
                    arguments: ["-R", "0.0.0.0:0:127.0.0.1:1"]
                )
                #expect(everywhere.errors.contains("remote port forwarding failed"))
                for code in [
                    MessageCode.securityForwardAddressDenied, .securityForwardingRejected,
                    .securityReverseForwardingRejected, .securityMaxListeners, .forwardListening,
                ] {
                    try await installation.awaitLog(.gateway, code)
                }
            }
        }
    }
}
