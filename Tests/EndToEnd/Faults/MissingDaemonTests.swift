import Foundation
import Glibc
import SharedMessages
import StubHTTPServer
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "When a daemon is away",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct MissingDaemonTests {
    @Test("without authd a login is refused within authTimeout, with text and code")
    func authd() async throws {
        let timeouts = ["password", "publicKey"].map { "auth.\($0).webhook.authTimeout=2s" }
        try await Installation.with(timeouts) { installation in
            try await installation.stop(.authd)
            let start = ContinuousClock.now
            let end = try await installation.ssh("true")
            #expect(end.status == 255)
            #expect(end.errors.contains(words(.sshAuthUnavailable)), "\(end.errors)")
            #expect((.seconds(1) ..< .seconds(80)).contains(ContinuousClock.now - start))
        }
    }

    @Test("without configd a login is refused within retryTimeout, with text and code")
    func configd() async throws {
        try await Installation.with(["configserver.retryTimeout=2s"]) { installation in
            try await installation.stop(.configd)
            let end = try await installation.ssh("true")
            #expect(end.status == 255)
            #expect(end.errors.contains(words(.configBackendError)), "\(end.errors)")
        }
    }

    @Test("without auditd a login is refused when no session may go unrecorded")
    func auditd() async throws {
        try await Installation.with(["audit.timeout=2s"]) { installation in
            try await installation.stop(.auditd)
            let end = try await installation.ssh("true")
            #expect(end.status == 255)
            #expect(end.errors.contains("[GATEWAY_RECORDING_"), "\(end.errors)")
        }
    }

    @Test("when auditd dies, a session that must be recorded ends within audit.timeout")
    func auditdDies() async throws {
        let settings = ["audit.timeout=2s", "audit.intercept.stdout=true"]
        try await Installation.with(settings) { installation in
            let session = try await echoingSession(installation)
            try await installation.stop(.auditd, SIGKILL)
            let start = ContinuousClock.now
            try session.write("unrecorded\n")
            let end = try await session.end()
            #expect(end.status == 255)
            #expect(end.errors.contains(words(.gatewayRecordingLost)), "\(end.errors)")
            #expect(ContinuousClock.now - start < .seconds(80))
            try await installation.awaitLog(.gateway, .auditDeliveryTimeout)
        }
    }

    @Test("with besteffort a session survives auditd's death, and its recording shows the gap")
    func bestEffort() async throws {
        let settings = [
            "audit.delivery=besteffort", "audit.timeout=2s", "audit.window=65536",
            "audit.intercept.stdout=true",
        ]
        try await Installation.with(settings) { installation in
            let session = try await echoingSession(installation)
            try await installation.stop(.auditd, SIGKILL)
            let line = String(repeating: "x", count: 99) + "\n"
            let many = String(repeating: line, count: 10_000)
            try session.write(many)
            try await wait(for: "a million bytes come back") { session.output.count > many.count }
            try await installation.restart(.auditd)
            try await installation.awaitLog(.gateway, .auditDeliveryRecovered)
            try session.closeInput()
            #expect(try await session.end().status == 0)
            let recordings = Recordings(installation: installation)
            let (_, events) = try await recordings.show(try await recordings.finished().id)
            #expect(events.contains { $0.payload?.requestType == "recording-gap@berth" })
            try await installation.awaitLog(.gateway, .auditRecordingGap)
        }
    }

    @Test("without metricsd nothing happens")
    func metricsd() async throws {
        try await Installation.with { installation in
            try await installation.stop(.metricsd)
            let end = try await installation.ssh("echo out; exit 7")
            #expect(end.output == "out\n")
            #expect(end.status == 7)
        }
    }

    @Test(
        "a webhook that answers 4xx has said no, and is asked exactly once",
        arguments: [400, 403, 404]
    )
    func refusingWebhook(status: Int) async throws {
        try await StubHTTPServer.run { _, _ in
            .reply(status: status)
        } _: { url, stub in
            let settings = [
                "auth.password.webhook.url=\(url)", "auth.publicKey.webhook.url=\(url)",
                "audit.enable=false",
            ]
            try await Installation.with(settings, daemons: [.configd, .gateway]) { installation in
                let end = try await installation.ssh("true", .password)
                #expect(end.status == 255)
                #expect(end.errors.contains("Permission denied"), "\(end.errors)")
                #expect(stub.requests.map(\.path) == ["/password"])
            }
        }
    }

    @Test("a webhook that answers 500 is asked again until authTimeout")
    func failingWebhook() async throws {
        try await StubHTTPServer.run { _, _ in
            .reply(status: 500)
        } _: { url, stub in
            let settings = [
                "auth.password.webhook.url=\(url)", "auth.password.webhook.authTimeout=3s",
                "auth.password.webhook.retryInterval=200ms", "audit.enable=false",
            ]
            try await Installation.with(settings, daemons: [.configd, .gateway]) { installation in
                let end = try await installation.ssh("true", .password)
                #expect(end.status == 255)
                #expect(stub.requests.count > 3)
            }
        }
    }

    /// A session in which `cat` has answered once.
    private func echoingSession(_ installation: Installation) async throws -> Program {
        let session = try installation.launchSSH("cat", input: .held)
        try session.write("recorded\n")
        try await wait(for: "the session answers") { session.output == "recorded\n" }
        return session
    }

    /// How the person sees a code.
    private func words(_ code: MessageCode) -> String {
        "\(code.personText ?? "no text") [\(code.id)]"
    }
}
