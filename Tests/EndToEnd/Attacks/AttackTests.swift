import Foundation
import Testing

/// What an attacker meets: every attack ends with an answer or the connection's end, memory and
/// descriptors stay bounded, and a session beside it goes on.
@Suite(
    "Attacks",
    .serialized,
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(10)),
    .sharedInstallation("ssh.loginGraceTime=8s", "audit.enable=false", "log.level=info")
)
struct AttackTests {
    @Test(
        "before the login",
        arguments: [
            "half-open", "slow-identification", "slow-kexinit", "slow-login", "kexinit-flood",
            "ignore-flood", "authentication-flood", "method-probes", "random-bytes", "lengths",
            "dheat",
        ]
    )
    func beforeLogin(_ attack: String) async throws {
        try await Attack.run(attack, against: .current)
    }

    @Test(
        "floods of messages whose answers nobody reads",
        arguments: [
            "flood-ignore", "flood-debug", "flood-ping", "flood-unknown", "flood-keepalive",
            "flood-global", "flood-forward", "flood-unimplemented", "open-flood",
        ]
    )
    func floods(_ attack: String) async throws {
        try await Attack.run(attack, against: .current)
    }

    @Test(
        "windows and packet sizes at their ends, and clients that do not read",
        arguments: [
            "packet-sizes", "window-overflow", "window-exceeded", "tiny-adjusts",
            "never-adjusting", "stopped-reader",
        ]
    )
    func windows(_ attack: String) async throws {
        try await Attack.run(attack, against: .current)
    }

    @Test(
        "messages out of order, channels opened and closed, new keys without end",
        arguments: [
            "unsolicited", "pipelined-closes", "open-and-close", "rekey-storm", "rekey-flood",
            "stalled-rekey",
        ]
    )
    func order(_ attack: String) async throws {
        try await Attack.run(attack, against: .current)
    }

    @Test("ssh-audit floods with key exchanges, and nobody else feels it")
    func auditFlood() async throws {
        let installation = try Installation.current
        // It goes on until it is interrupted, in several processes.
        let flood = try installation.launch(
            "/usr/bin/timeout",
            ["--signal=INT", "--kill-after=5", "8", try Attack.audit(), "--no-colors"]
                + ["--dheat=4", "127.0.0.1:\(installation.config.ports.ssh)"]
        )
        try await Attack.run("login-meanwhile", against: installation)
        let end = try await flood.end()
        #expect(end.output.contains("Commencing"), "\(end.output) \(end.errors)")
    }

    @Test("ssh-audit finds neither Terrapin nor any other known weakness")
    func auditWeaknesses() async throws {
        let installation = try Installation.current
        let end = try await installation.run(
            try Attack.audit(),
            ["--json", "-p", "\(installation.config.ports.ssh)", "127.0.0.1"]
        )
        let report = try JSONDecoder().decode(AuditReport.self, from: Data(end.output.utf8))
        #expect(report.cves.isEmpty)
        #expect(!end.output.contains("vulnerable to the Terrapin attack"), "\(end.output)")
        #expect(end.output.contains("this target properly supports the strict key exchange"))
        #expect(report.kex.contains { $0.algorithm == "kex-strict-s-v00@openssh.com" })
    }
}

@Suite(
    "Attacks from one address under the default limits",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(5))
)
struct CrowdTests {
    @Test("2,000 half-open connections of one address keep nobody else out")
    func crowd() async throws {
        let settings = ["limits.exempt=[]", "ssh.loginGraceTime=8s", "log.level=info"]
        try await Installation.with(settings) { try await Attack.run("crowd", against: $0) }
    }
}

/// What of a JSON report of ssh-audit is looked at.
private struct AuditReport: Decodable {
    struct Algorithm: Decodable { var algorithm: String }
    struct Weakness: Decodable { var name: String }

    var kex: [Algorithm]
    var cves: [Weakness]
}
