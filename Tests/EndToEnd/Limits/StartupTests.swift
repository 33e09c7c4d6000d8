import Foundation
import SharedMessages
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "Many that do not log in",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct StartupTests {
    @Test("2,000 half-open connections of one source keep nobody else out")
    func oneSource() async throws {
        try await Installation.with(["limits.exempt=[]", "limits.startups=500:30:1000"]) {
            installation in
            let attack = try installation.halfOpen(2000, from: ["127.0.1.1"])
            try await wait(.seconds(150), for: "the connections are made: \(attack.output)") {
                attack.output.hasPrefix("127.0.1.1 100 ")
            }
            let login = try await installation.ssh("echo in", Installation.login(from: "127.0.2.1"))
            #expect(login.output == "in\n", "\(login.errors)")
            try attack.closeInput()
            _ = try await attack.end()
        }
    }

    @Test("2,000 half-open connections that are all held cost little memory, and people log in")
    func manySources() async throws {
        try await Installation.with(["limits.exempt=[]", "limits.startups=3000"]) { installation in
            #expect(try await installation.ssh("true").status == 0)
            let before = try installation.memory(of: .gateway)
            let sources = (1...20).map { "127.0.1.\($0)" }
            let attack = try installation.halfOpen(100, from: sources)
            try await wait(.seconds(90), for: "the connections are made: \(attack.output)") {
                attack.output.contains("127.0.1.20 100 ")
            }
            let login = try await installation.ssh("echo in", Installation.login(from: "127.0.2.1"))
            #expect(login.output == "in\n", "\(login.errors)")
            let growth = try installation.memory(of: .gateway) - before
            #expect(growth < 2000 * 48 << 10, "\(growth / 2000) bytes for each")
            try attack.closeInput()
            _ = try await attack.end()
        }
    }

    @Test("beyond the full number of startups connections are dropped, exempt ones are not")
    func dropped() async throws {
        try await Installation.with(["limits.exempt=[127.0.0.1/32]", "limits.startups=10"]) {
            installation in
            let attack = try installation.halfOpen(30, from: ["127.0.1.1"])
            try await wait(.seconds(150), for: "the connections are made: \(attack.output)") {
                attack.output == "127.0.1.1 10 \n"
            }
            try await installation.awaitLog(.gateway, .limitsStartupsDropped)
            #expect(try await installation.ssh("true").status == 0)
            try attack.closeInput()
            _ = try await attack.end()
        }
    }

    @Test("a client that does not log in in time is told so, and its source penalized in the end")
    func grace() async throws {
        let settings = [
            "limits.exempt=[]", "ssh.loginGraceTime=1s", "limits.penalties.graceExceeded=20s",
        ]
        try await Installation.with(settings) { installation in
            let attack = try installation.halfOpen(1, from: ["127.0.1.1"])
            try await wait(for: "the connection is ended: \(attack.output)") {
                attack.output.contains("[LIMITS_LOGIN_GRACE_EXCEEDED]")
                    || installation.log(.gateway).contains("LIMITS_LOGIN_GRACE_EXCEEDED")
            }
            try await wait(for: "the source is penalized") {
                try await installation.penalties("list").output.contains("for graceExceeded")
            }
            let end = try await installation.ssh("true", Installation.login(from: "127.0.1.1"))
            #expect(end.errors.contains("[LIMITS_PENALIZED]"))
            try attack.closeInput()
            _ = try await attack.end()
        }
    }

    @Test("a source or a user with too many attempts to log in is told so with reason 14")
    func attempts() async throws {
        let settings = [
            "limits.exempt=[127.0.0.1/32]", "limits.perSource.authenticationRate=2/1h",
            "limits.perUser.authenticationRate=3/1h",
        ]
        try await Installation.with(settings) { installation in
            let login = Installation.login(from: "127.0.1.1")
            for _ in 0..<2 { #expect(try await installation.ssh("true", login).status == 0) }
            let source = try await installation.ssh("true", login)
            #expect(source.errors.contains(":14: There were too many attempts to log in."))
            #expect(source.errors.contains("[LIMITS_AUTH_RATE]"))
            #expect(try await installation.ssh("true").status == 0)
            let user = try await installation.ssh("true")
            #expect(user.errors.contains("[LIMITS_AUTH_RATE]"))
            let log = installation.log(.gateway)
            #expect(log.contains("\"scope\":\"source\"") && log.contains("\"scope\":\"user\""))
        }
    }

    @Test("failures lead to a ban, and a full book of penalties keeps strangers out if it is to")
    func bansAndOverflow() async throws {
        let settings = [
            "limits.exempt=[127.0.0.1/32]", "limits.ban.failures=2", "limits.tracked=16",
            "limits.penalties.overflow=deny-all", "limits.penalties.noAuth=5m",
        ]
        try await Installation.with(settings) { installation in
            for _ in 0..<2 { _ = try await installation.failLogin(from: "127.0.1.1") }
            try await installation.awaitLog(.gateway, .limitsBanned)
            let list = try await installation.penalties("list")
            #expect(list.output.contains("127.0.1.1: banned, 3600 s"), "\(list.errors)")
            let scan = try installation.halfOpen(1, from: (1...16).map { "127.0.2.\($0)" })
            try await wait(for: "the connections are made") {
                scan.output.contains("127.0.2.16 ")
            }
            try scan.closeInput()
            _ = try await scan.end()
            try await wait(for: "the book is full") {
                let end = try await installation.ssh("true", Installation.login(from: "127.0.3.1"))
                return end.errors.contains("[LIMITS_PENALTIES_FULL]")
            }
            #expect(try await installation.ssh("true").status == 0)
            let cleared = try await installation.penalties("clear")
            #expect(cleared.status == 0)
            let banned = try await installation.ssh("true", Installation.login(from: "127.0.1.1"))
            #expect(banned.status == 0)
        }
    }
}
