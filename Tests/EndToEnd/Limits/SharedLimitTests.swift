import Foundation
import Glibc
import SharedMessages
import Testing

// Serialized: each test has two gateways and four other daemons of its own.
@Suite(
    "Two gateways that count together",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct SharedLimitTests {
    @Test("sessions of a user count on both gateways, until the other one is gone")
    func sessions() async throws {
        try await withTwo(["limits.perUser.sessions=1"]) { installation, other in
            let here = try await installation.session()
            let refused = try await other.ssh("true")
            #expect(refused.errors.contains("[LIMITS_USER_SESSIONS]"), "\(refused.errors)")
            try here.closeInput()
            #expect(try await here.end().status == 0)
            try await wait(for: "there is room at the other gateway") {
                try await other.ssh("true").status == 0
            }
            let there = try await other.launch("cat")
            try await wait(for: "the session at the other gateway counts here") {
                try await installation.ssh("true").errors.contains("[LIMITS_USER_SESSIONS]")
            }
            other.process.send(SIGKILL)
            _ = try await there.end()
            try await installation.awaitLog(.authd, .limitsLeaseExpired)
            #expect(try await installation.ssh("true").status == 0)
        }
    }

    @Test("a source that failed at one gateway is refused by the other, and forgiven by both")
    func penalties() async throws {
        let settings = ["limits.exempt=[127.0.0.1/32]", "limits.penalties.authFailure=20s"]
        try await withTwo(settings) { installation, other in
            let source = "127.0.1.1"
            _ = try await installation.failLogin(from: source)
            try await wait(for: "the other gateway has learned of it") {
                let end = try await other.ssh("true", from: source)
                return end.errors.contains("[LIMITS_PENALIZED]")
            }
            let authd = ["--server", "unix://\(installation.config.adminSocket)"]
            let list = try await installation.berth("penalties", "list", authd[0], authd[1])
            #expect(list.output.contains("\(source): refused, "), "\(list.errors)")
            let cleared = try await installation.berth(
                "penalties",
                "clear",
                source,
                authd[0],
                authd[1]
            )
            #expect(cleared.status == 0, "\(cleared.errors)")
            try await wait(for: "both let it in") {
                let here = try await installation.ssh("true", Installation.login(from: source))
                let there = try await other.ssh("true", from: source)
                return here.status == 0 && there.status == 0
            }
        }
    }

    @Test("a source that is forgiven at one gateway is forgiven at the other")
    func forgiving() async throws {
        let settings = ["limits.exempt=[127.0.0.1/32]", "limits.penalties.authFailure=60s"]
        try await withTwo(settings) { installation, other in
            let source = "127.0.1.1"
            _ = try await installation.failLogin(from: source)
            try await wait(for: "the other gateway has learned of it") {
                try await other.ssh("true", from: source).errors.contains("[LIMITS_PENALIZED]")
            }
            #expect(try await installation.penalties("clear", source).status == 0)
            try await wait(for: "the other lets it in") {
                try await other.ssh("true", from: source).status == 0
            }
        }
    }

    @Test("without authd each gateway counts for itself, and says so; then it tells what it has")
    func outage() async throws {
        try await withTwo(["limits.perUser.sessions=1"]) { installation, other in
            let here = try await installation.session()
            try await installation.stop(.authd, SIGKILL)
            try await installation.awaitLog(.gateway, .limitsSharedUnavailable)
            try await installation.restart(.authd)
            try await wait(for: "the gateways have told authd what they have") {
                try await other.ssh("true").errors.contains("[LIMITS_USER_SESSIONS]")
            }
            try await installation.awaitLog(.gateway, .limitsSharedAvailable)
            try here.closeInput()
            #expect(try await here.end().status == 0)
            try await wait(for: "there is room again") {
                try await other.ssh("true").status == 0
            }
        }
    }

    private func withTwo(
        _ settings: [String],
        _ body: (Installation, SecondGateway) async throws -> Void
    ) async throws {
        let shared = ["limits.shared.url=http://{authd}", "limits.shared.interval=200ms"]
        try await Installation.with(settings + shared) { installation in
            let other = try await SecondGateway(installation)
            let result = await Result { try await body(installation, other) }
            other.process.send(SIGKILL)
            _ = try await other.process.end()
            try result.get()
        }
    }
}

/// Another gateway of an installation, with ports of its own.
private struct SecondGateway {
    let process: Program
    private let installation: Installation
    private let port = Surroundings.freePort()

    init(_ installation: Installation) async throws {
        self.installation = installation
        let health = Surroundings.freePort()
        let settings = [
            "ssh.listen=127.0.0.1:\(port)", "health.listen=127.0.0.1:\(health)",
            "gateway.admin.listen=unix://\(installation.config.path("second.sock"))",
            "sandbox.stateDirectory=\(installation.config.path("sandbox2"))",
        ]
        process = try installation.launch(
            Surroundings.programs.appending(path: "berth-gateway").path,
            installation.arguments(.gateway) + settings.flatMap { ["--set", $0] },
            environment: ["BERTH_CODES_FILE": try Surroundings.codesFile()]
        )
        try await wait(.seconds(150), for: "the second gateway is ready") {
            try await installation.get("http://127.0.0.1:\(health)/readyz") != nil
        }
    }

    func ssh(_ command: String, from source: String = "127.0.0.1") async throws -> Program.End {
        try await installation.run("/usr/bin/ssh", arguments(command, source))
    }

    func launch(_ command: String) async throws -> Program {
        let client = try installation.launch(
            "/usr/bin/ssh",
            arguments(command, "127.0.0.1"),
            input: .held
        )
        try client.write("here\n")
        try await wait(for: "the session runs") { client.output == "here\n" }
        return client
    }

    private func arguments(_ command: String, _ source: String) -> [String] {
        let login = Installation.login(from: source, "StrictHostKeyChecking=no", "LogLevel=INFO")
        return installation.options(login)
            + ["-p", "\(port)", "\(Installation.user)@127.0.0.1", command]
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
