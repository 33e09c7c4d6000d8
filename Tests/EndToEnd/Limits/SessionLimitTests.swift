import Foundation
import SharedMessages
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "What a user may have, and for how long",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct SessionLimitTests {
    @Test("connections and sessions of a user are limited over all their connections")
    func perUser() async throws {
        let settings = ["limits.perUser.connections=3", "limits.perUser.sessions=2"]
        try await Installation.with(settings) { installation in
            let clients = [try await installation.session(), try await installation.session()]
            let session = try await installation.ssh("true")
            #expect(session.status == 255)
            #expect(session.errors.contains("resource shortage"))
            #expect(session.errors.contains("[LIMITS_USER_SESSIONS]"))
            // The refused client may still count for a moment, and the third then be the fourth.
            var idle: [Program] = []
            try await wait(for: "the third connection is refused a fourth") {
                idle.append(try installation.launchSSH(nil, arguments: ["-N"]))
                let end = try await installation.ssh("true")
                return end.errors.contains(":12: You have as many connections as you may have.")
                    && end.errors.contains("[LIMITS_USER_CONNECTIONS]")
            }
            for client in clients {
                try client.closeInput()
                #expect(try await client.end().status == 0)
            }
            try await wait(for: "there is room again") {
                try await installation.ssh("true").status == 0
            }
            for client in idle {
                client.send(SIGTERM)
                _ = try await client.end()
            }
        }
    }

    @Test("sessions in all, of a source and their rate are limited")
    func everybody() async throws {
        let settings = [
            "limits.exempt=[127.0.0.1/32]", "limits.sessions=2", "limits.perSource.sessions=1",
            "limits.perUser.sessionRate=5/1h",
        ]
        try await Installation.with(settings) { installation in
            let first = try await installation.session(Installation.login(from: "127.0.1.1"))
            let end = try await installation.ssh("true", Installation.login(from: "127.0.1.1"))
            #expect(end.errors.contains("[LIMITS_SOURCE_SESSIONS]"))
            let second = try await installation.session()
            #expect(try await installation.ssh("true").errors.contains("[LIMITS_SESSIONS]"))
            for client in [first, second] {
                try client.closeInput()
                #expect(try await client.end().status == 0)
            }
            try await wait(for: "the rate is used up") {
                try await installation.ssh("true").errors.contains("[LIMITS_SESSION_RATE]")
            }
        }
    }

    @Test("a connection on which nothing happens is ended, one on which something does is not")
    func idle() async throws {
        try await Installation.with(["limits.idleTimeout=4s"]) { installation in
            let busy = try installation.launchSSH(
                "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo; sleep 0.5; done"
            )
            let idle = try await installation.session()
            let end = try await idle.end()
            #expect(end.status == 255)
            #expect(end.errors.contains(":11: Nothing happened on this connection for too long."))
            #expect(end.errors.contains("[LIMITS_IDLE_TIMEOUT]"))
            #expect(try await busy.end().status == 0)
        }
    }

    @Test("a channel on which nothing happens is closed with a word; the connection stays")
    func idleChannel() async throws {
        try await Installation.with(["limits.channelIdleTimeout=1s"]) { installation in
            let socket = installation.config.path("mux")
            let options = ["-o", "ControlMaster=auto", "-o", "ControlPath=\(socket)"]
            let master = try installation.launchSSH(nil, arguments: options + ["-N"])
            try await wait(for: "the connection is there") {
                FileManager.default.fileExists(atPath: socket)
            }
            let end = try await installation.ssh("cat", arguments: options, input: .held)
            #expect(end.status == 255)
            #expect(end.errors.contains("Nothing happened here for too long."))
            #expect(end.errors.contains("[LIMITS_CHANNEL_IDLE_TIMEOUT]"))
            let other = try await installation.ssh("echo still here", arguments: options)
            #expect(other.output == "still here\n")
            master.send(SIGTERM)
            _ = try await master.end()
        }
    }

    @Test("the config webhook sets the age of one person's connection; they are warned of its end")
    func age() async throws {
        try await Installation.with { installation in
            try await installation.endConnections(after: 10, warning: 9)
            let terminal = try installation.launchSSH("sleep 60", arguments: ["-tt"], input: .held)
            let client = try await installation.session()
            for end in [try await client.end(), try await terminal.end()] {
                #expect(end.status == 255)
                #expect(end.errors.contains(#/will be ended in [1-9] seconds? because/#))
                #expect(end.errors.contains("[LIMITS_SESSION_EXPIRES]"))
                #expect(end.errors.contains(":11: This connection was ended because of its age."))
                #expect(end.errors.contains("[LIMITS_SESSION_EXPIRED]"))
            }
        }
    }

    @Test("who starts a session after the warning gets it, too")
    func late() async throws {
        try await Installation.with { installation in
            try await installation.endConnections(after: 601, warning: 600)
            let socket = installation.config.path("mux")
            let options = ["-o", "ControlMaster=auto", "-o", "ControlPath=\(socket)"]
            let master = try installation.launchSSH(nil, arguments: options + ["-N"])
            try await wait(for: "the warning was due") {
                installation.log(.gateway).contains("LIMITS_SESSION_EXPIRES")
            }
            let late = try installation.launchSSH("cat", arguments: options, input: .held)
            try await wait(for: "the warning has come") {
                late.errors.contains(#/will be ended in \d+ seconds because of its age\. /#)
            }
            try late.closeInput()
            #expect(try await late.end().status == 0)
            master.send(SIGTERM)
            _ = try await master.end()
        }
    }
}

extension Installation {
    /// Has configd tell everybody's connection to end by its age; both in seconds.
    fileprivate func endConnections(after age: Int, warning: Int) async throws {
        let rules = """
            rules:
              - name: everybody
                match: { user: "*" }
                config:
                  limits: { maxSessionAge: \(age)s, maxSessionAgeWarning: \(warning)s }
            """
        try Data(rules.utf8).write(to: URL(filePath: config.rules))
        try await stop(.configd)
        try await restart(.configd)
    }
}
