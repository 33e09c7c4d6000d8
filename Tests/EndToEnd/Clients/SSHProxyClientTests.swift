import Foundation
import SSHTarget
import Testing

@Suite(
    "Clients and what they do, on another SSH server",
    .enabled(if: SSHTarget.isThere, Comment(rawValue: SSHTarget.reason)),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(5)),
    ProxiedInstallation(settings: ClientMatrix.forwarding)
)
struct SSHProxyClientTests {
    @Test("does it", arguments: ClientCheck.all)
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "sshproxy")
    }
}

/// Starts an SSH server and an installation in front of it for a suite, and stops both at its end.
private struct ProxiedInstallation: SuiteTrait, TestScoping {
    let settings: [String]

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // The checks open many connections at a time.
        try await SSHTarget.with(["MaxStartups 100"]) { target in
            let proxy = [
                "backend=sshproxy", "sshproxy.server=127.0.0.1", "sshproxy.port=\(target.port)",
                "sshproxy.usernamePassThrough=true",
                "sshproxy.privateKey=\(target.folder.path)/user_key",
                "sshproxy.allowedHostKeyFingerprints=[\"\(target.fingerprint)\"]",
            ]
            try await Installation.with(proxy + settings) { installation in
                try await Installation.$shared.withValue(installation) { try await function() }
            }
        }
    }
}
