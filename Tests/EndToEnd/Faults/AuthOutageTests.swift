import Foundation
import Glibc
import SharedMessages
import StubHTTPServer
import Testing

// Serialized: each test has daemons of its own.
@Suite(
    "When the auth webhook is away, slow or unreliable",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(5)),
    .serialized
)
struct AuthOutageTests {
    private static let timeouts = ["password", "publicKey"].flatMap {
        ["auth.\($0).webhook.authTimeout=3s", "auth.\($0).webhook.retryInterval=100ms"]
    }

    @Test("with auth.cache a known key gets in while authd is dead, marked; nobody else does")
    func cache() async throws {
        let settings =
            Self.timeouts + [
                "auth.cache.enable=true", "auth.cache.after=500ms",
                "auth.publicKey.webhook.breaker.pause=1s",
            ]
        try await Installation.with(settings) { installation in
            #expect(try await installation.ssh("echo first").output == "first\n")
            try await installation.stop(.authd, SIGKILL)

            let known = try await installation.ssh("echo again")
            #expect(known.output == "again\n", "\(known.errors)")
            try await installation.awaitLog(.gateway, .sshAuthFromCache)
            try await expectMarkedRecording(installation)

            for login in [Installation.Login.password, Installation.Login(user: "other")] {
                let end = try await installation.ssh("true", login)
                #expect(end.status == 255)
                #expect(end.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(end.errors)")
            }

            try await installation.restart(.authd)
            try await wait(for: "a login that is not from the cache") {
                let before = installation.count(.sshAuthFromCache)
                let end = try await installation.ssh("true")
                return end.status == 0 && installation.count(.sshAuthFromCache) == before
            }
        }
    }

    @Test("without auth.cache nobody gets in; once calls are held back, people are told at once")
    func heldBack() async throws {
        let settings = ["password", "publicKey"].flatMap {
            [
                "auth.\($0).webhook.retryInterval=50ms", "auth.\($0).webhook.breaker.failures=3",
                "auth.\($0).webhook.breaker.pause=10m",
            ]
        }
        try await Installation.with(
            settings + ["auth.publicKey.webhook.authTimeout=2s"]
        ) { installation in
            try await installation.stop(.authd, SIGKILL)
            let first = try await installation.ssh("true")
            #expect(first.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(first.errors)")
            try await installation.awaitLog(.gateway, .webhookPaused)
            // The calls of the first login are all that were ever made.
            let calls = installation.count(.httpClientConnectionFailed)
            let second = try await installation.ssh("true")
            #expect(second.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(second.errors)")
            #expect(installation.log(.gateway).contains("\"WEBHOOK_NOT_ASKED"))
            #expect(installation.count(.httpClientConnectionFailed) == calls)
        }
    }

    @Test("a webhook slower than its timeout lets nobody in, who is told so; nothing hangs")
    func tooSlow() async throws {
        try await stub { _ in
            .late(milliseconds: 5000, .json(Self.yes))
        } _: { installation, _ in
            let end = try await installation.ssh("true")
            #expect(end.status == 255)
            #expect(end.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(end.errors)")
        }
    }

    @Test("a webhook that takes 5 s within its timeout lets people in")
    func slow() async throws {
        try await stub([
            "auth.publicKey.webhook.timeout=60s", "auth.publicKey.webhook.authTimeout=60s",
        ]) { _ in
            .late(milliseconds: 5000, .json(Self.yes))
        } _: { installation, requests in
            let end = try await installation.ssh("echo in")
            #expect(end.output == "in\n", "\(end.errors)")
            #expect(requests() == 1)
        }
    }

    @Test("with one failing call in ten everybody gets in, at once and at the same time")
    func unreliable() async throws {
        try await stub {
            $0 % 10 == 3 ? .hangUp : .json(Self.yes)
        } _: { installation, requests in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<8 {
                            let end = try await installation.ssh("echo in")
                            #expect(end.output == "in\n", "\(end.errors)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(requests() >= 35)
            #expect(installation.count(.sshAuthUnavailable) == 0)
        }
    }

    @Test(
        "authd killed and started again under load: everybody gets in or is told why, and nothing hangs"
    )
    func restarted() async throws {
        let settings = ["password", "publicKey"].flatMap {
            [
                "auth.\($0).webhook.authTimeout=90s", "auth.\($0).webhook.retryInterval=100ms",
                "auth.\($0).webhook.breaker.pause=500ms",
            ]
        }
        let more = ["audit.enable=false", "ssh.loginGraceTime=5m"]
        let daemons: [DaemonName] = [.authd, .configd, .gateway]
        try await Installation.with(settings + more, daemons: daemons) { installation in
            func logins() -> Int {
                installation.log(.gateway).split(separator: "\"SSH_AUTH_SUCCESSFUL\"").count - 1
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var successes = 0
                        while successes < 5 {
                            let end = try await installation.ssh(
                                "echo in",
                                .with("ConnectTimeout=200"),
                                within: .seconds(200)
                            )
                            // Whoever was asked about while authd held calls back is told so.
                            let isTold = end.errors.contains("[SSH_AUTH_UNAVAILABLE]")
                            try #require(end.output == "in\n" || isTold, "\(end.errors)")
                            if !isTold { successes += 1 }
                        }
                    }
                }
                for count in [2, 6] {
                    try await wait(for: "\(count) logins") { logins() >= count }
                    try await installation.stop(.authd, SIGKILL)
                    try await installation.restart(.authd)
                }
                try await group.waitForAll()
            }
            try await wait(for: "a login after all that") {
                try await installation.ssh("echo in").output == "in\n"
            }
        }
    }

    private static let yes = #"{"success":true,"authenticatedUsername":"dev"}"#

    /// Runs `body` with a gateway whose public key webhook answers the n-th question so.
    private func stub(
        _ settings: [String] = [],
        _ answer: @escaping @Sendable (Int) -> StubAnswer,
        _ body: (Installation, () -> Int) async throws -> Void
    ) async throws {
        try await StubHTTPServer.run { _, index in
            answer(index)
        } _: { url, stub in
            let all = [
                "auth.publicKey.webhook.url=\(url)", "auth.publicKey.webhook.timeout=500ms",
                "auth.publicKey.webhook.authTimeout=2s",
                "auth.publicKey.webhook.retryInterval=100ms", "audit.enable=false",
                "limits.penalties.enable=false",
            ]
            let keys = settings.compactMap { $0.split(separator: "=").first }
            let kept = all.filter { setting in !keys.contains { setting.hasPrefix($0 + "=") } }
            try await Installation.with(kept + settings, daemons: [.authd, .configd, .gateway]) {
                try await body($0) { stub.requests.count }
            }
        }
    }

    /// The recording of the login says that the webhook did not answer.
    private func expectMarkedRecording(_ installation: Installation) async throws {
        let recordings = Recordings(installation: installation)
        try await wait(.seconds(150), for: "a recording that is marked") {
            for recording in try await recordings.list() where recording.state == "finished" {
                let text = try await recordings.show(recording.id).text
                if text.contains("SSH_AUTH_FROM_CACHE"), text.contains("auth_pubkey_backend_error")
                {
                    return true
                }
            }
            return false
        }
    }
}
