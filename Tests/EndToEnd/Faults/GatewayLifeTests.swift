import Foundation
import Glibc
import SharedMessages
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "The gateway's life and death",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct GatewayLifeTests {
    @Test("kill -9 of the gateway ends its sandboxes, and what auditd acknowledged can be read")
    func killed() async throws {
        try await Installation.with(["audit.intercept.stdout=true"]) { installation in
            let marker = HostProcesses.uniqueSleep()
            let client = try installation.launchSSH(
                "echo before the end; sleep \(marker)",
                arguments: ["-n"]
            )
            let recordings = Recordings(installation: installation)
            try await wait(for: "the output is acknowledged") {
                guard let id = try await recordings.list().first?.id else { return false }
                return try await recordings.show(id).events
                    .contains { $0.payload?.text == "before the end\n" }
            }
            #expect(HostProcesses.count(marker) >= 2)
            #expect(try await installation.stop(.gateway, SIGKILL) == -SIGKILL)
            #expect(try await client.end().status == 255)
            try await wait(.seconds(5), for: "no process of the sandbox is left") {
                HostProcesses.count(marker) == 0
            }
            let recording = try #require(try await recordings.list().first)
            #expect(recording.state == "open")
            let events = try await recordings.show(recording.id).events
            #expect(events.contains { $0.payload?.text == "before the end\n" })
            // The killed process could not remove the sandbox's control group.
            try await installation.restart(.gateway)
            try await installation.awaitLog(.gateway, .sandboxLeftoversRemoved)
        }
    }

    @Test("a gateway that was killed starts again from what it left")
    func restarted() async throws {
        try await Installation.with { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("here\n")
            try await wait(for: "the session") { client.output == "here\n" }
            try await installation.stop(.gateway, SIGKILL)
            _ = try await client.end()
            try await installation.restart(.gateway)
            #expect(try await installation.ssh("echo again").output == "again\n")
        }
    }

    @Test("SIGTERM lets a session finish, takes no new one, and ends with status 0")
    func drained() async throws {
        try await Installation.with { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("before\n")
            try await wait(for: "the session") { client.output == "before\n" }
            let gateway = try installation.process(.gateway)
            gateway.send(SIGTERM)
            try await wait(for: "no new connection is taken") {
                let other = try await installation.ssh("true")
                return other.status == 255 && other.errors.contains("Connection refused")
            }
            try client.write("after\n")
            try await wait(for: "the session goes on") { client.output == "before\nafter\n" }
            try client.closeInput()
            #expect(try await client.end().status == 0)
            #expect(try await gateway.end().status == 0)
        }
    }

    @Test("a session that outlasts the drain time is told why it ends")
    func outlasting() async throws {
        try await Installation.with(["service.shutdownTimeout=4s"]) { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("before\n")
            try await wait(for: "the session") { client.output == "before\n" }
            let gateway = try installation.process(.gateway)
            gateway.send(SIGTERM)
            let end = try await client.end()
            #expect(end.status == 255)
            #expect(end.errors.contains("[\(MessageCode.gatewayShuttingDown.id)]"), "\(end.errors)")
            #expect(try await gateway.end().status == 0)
        }
    }

    @Test("a connection beyond the limit is refused, and the log says it")
    func connectionLimit() async throws {
        try await Installation.with(["ssh.maxConnections=1"]) { installation in
            let marker = HostProcesses.uniqueSleep()
            let first = try installation.launchSSH("sleep \(marker)", arguments: ["-n"])
            defer { first.send(SIGKILL) }
            try await wait(for: "the program runs") { HostProcesses.count(marker) >= 2 }
            #expect(try await installation.ssh("true").status == 255)
            try await installation.awaitLog(.gateway, .gatewayConnectionLimit)
            try await installation.awaitLog(.gateway, .sshDisconnectTooManyConnections)
        }
    }

    @Test("SIGHUP with a broken configuration changes nothing and is logged")
    func brokenReload() async throws {
        try await Installation.with { installation in
            let file = URL(filePath: installation.config.file)
            let broken = installation.config.text.replacing("backend: sandbox", with: "backend: 7")
            try Data(broken.utf8).write(to: file)
            try installation.process(.gateway).send(SIGHUP)
            try await installation.awaitLog(.gateway, .coreConfigReloadFailed)
            #expect(installation.log(.gateway).contains("backend"))
            #expect(try await installation.ssh("echo still here").output == "still here\n")
        }
    }

    @Test("SIGHUP with another configuration is taken over")
    func goodReload() async throws {
        try await Installation.with { installation in
            let file = URL(filePath: installation.config.file)
            let changed = installation.config.text.replacing(
                "sandbox:\n  stateDirectory",
                with: "sandbox:\n  environment: { E2E_RELOADED: now }\n  stateDirectory"
            )
            try Data(changed.utf8).write(to: file)
            try installation.process(.gateway).send(SIGHUP)
            try await installation.awaitLog(.gateway, .coreConfigReloaded)
            #expect(try await installation.ssh("echo $E2E_RELOADED").output == "now\n")
        }
    }

    @Test("a port that is in use ends every daemon with status 1 and a code")
    func portInUse() async throws {
        try await Installation.with { installation in
            for name in DaemonName.allCases {
                // What else two processes must not share.
                let end = try await installation.daemon(
                    name,
                    [
                        "health.enable=false",
                        "sandbox.stateDirectory=\(installation.config.path("other-sandbox"))",
                        "auditd.directory=\(installation.config.path("other-recordings"))",
                        "authd.database=\(installation.config.path("other.sqlite"))",
                        "authd.admin.listen=unix://\(installation.config.path("other.sock"))",
                    ]
                )
                #expect(end.status == 1, "\(name): \(end.output) \(end.errors)")
                let code: MessageCode =
                    name == .gateway ? .sshStartFailed : .httpListenFailed
                #expect(end.output.contains("\"\(code.id)\""), "\(name): \(end.output)")
            }
        }
    }

    @Test("a bad configuration ends every daemon with status 78 and all that is wrong")
    func badConfiguration() async throws {
        try await Installation.with(daemons: []) { installation in
            for name in DaemonName.allCases {
                let end = try await installation.daemon(
                    name,
                    ["ssh.listen=nowhere", "audit.window=-1", "no.such.key=1"]
                )
                #expect(end.status == 78)
                for key in ["ssh.listen", "audit.window", "no"] {
                    #expect(end.errors.contains("  \(key)"), "\(name): \(end.errors)")
                }
            }
        }
    }
}
