import BackendConformance
import Foundation
import GatewayCore
import Glibc
import Logging
import NIOCore
import SSHTarget
import SSHTestServer
import SharedConfig
import SharedMessages
import SharedSSH
import Synchronization
import Testing

@testable import SSHProxyBackend

@Suite(
    "Failures are told",
    .enabled(if: SSHTarget.isThere, ProxyFixture.reason),
    .timeLimit(.minutes(5))
)
struct FailureTests {
    private func openFailure(_ proxy: ProxyFixture) async throws -> CodedError {
        let error = await #expect(throws: CodedError.self) {
            let workspace = try await proxy.open()
            await workspace.close()
        }
        return try #require(error)
    }

    private func nowhere(_ change: (inout SSHProxyConfig) -> Void) throws -> ProxyFixture {
        var config = SSHProxyConfig()
        config.server = "127.0.0.1"
        config.username = "x"
        config.password = Secret("x")
        config.allowedHostKeyFingerprints = ["SHA256:x"]
        config.timeout = .seconds(2)
        change(&config)
        return try ProxyFixture(config)
    }

    @Test("a refused connection is tried again, then told")
    func refused() async throws {
        let proxy = try nowhere { $0.port = Loopback.freePort() }
        let error = try await openFailure(proxy)
        #expect(error.code == .sshproxyBackendFailed)
        #expect(error.personText == "The target server refused the connection.")
        #expect(proxy.codes.filter { $0 == "SSHPROXY_BACKEND_FAILED" }.count == 1)
    }

    @Test("a name that does not exist is told at once")
    func unknownName() async throws {
        let proxy = try nowhere {
            $0.server = "no-such-host.invalid"
            $0.timeout = .seconds(60)
        }
        let error = try await openFailure(proxy)
        #expect(error.code == .sshproxyBackendFailed)
        #expect(error.detail.hasPrefix("name: "))
    }

    @Test("a connection that is given up before libssh has used its socket is closed")
    func givenUpEarly() async throws {
        try await SSHTarget.with { target in
            let bell = try Bell()
            let opening = FarOpening(
                target: try SSHProxyTarget(ProxyFixture.config(target)),
                username: SSHTarget.username,
                bell: bell.number,
                end: .now + .seconds(20),
                logger: Logger(label: "test"),
                isStopping: { true },
                usesAgent: { _ in }
            )
            #expect(throws: CancellationError.self) { _ = try opening.run { _ in } }
            #expect(target.clientSockets.isEmpty)
        }
    }

    @Test("a host key that is not in the list is told with its fingerprint")
    func fingerprint() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) {
                $0.allowedHostKeyFingerprints = ["SHA256:" + String(repeating: "A", count: 43)]
            }
            let error = try await openFailure(proxy)
            #expect(error.code == .sshproxyInvalidFingerprint)
            #expect(error.personText?.contains(target.fingerprint) == true)
        }
    }

    @Test("a refused login is told")
    func login() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) {
                $0.privateKey = PEMSource()
                $0.password = Secret("wrong")
            }
            let error = try await openFailure(proxy)
            #expect(error.code == .sshproxyBackendHandshakeFailed)
            #expect(error.personText == "The target server refused the login of this gateway.")
            #expect(error.detail.contains("password"))
        }
    }

    @Test("no algorithm in common is told")
    func algorithms() async throws {
        try await SSHTarget.with(["Ciphers aes256-ctr"]) { target in
            let proxy = try ProxyFixture(target) { $0.ciphers = ["aes128-gcm@openssh.com"] }
            let error = try await openFailure(proxy)
            #expect(error.code == .sshproxyBackendHandshakeFailed)
            #expect(error.personText?.contains("no algorithm in common") == true)
        }
    }

    @Test("a target that accepts and then says nothing is given up in time")
    func silent() async throws {
        try await SSHTarget.with { target in
            target.signal(SIGSTOP, listener: true)
            let proxy = try ProxyFixture(target) { $0.timeout = .seconds(1) }
            let start = ContinuousClock.now
            let error = try await openFailure(proxy)
            #expect(error.code == .sshproxyBackendHandshakeFailed)
            #expect(error.personText == "The target server did not answer in time.")
            // Far less than the target's own patience, and enough for a busy machine.
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test("a target that dies in the middle of a session is told on the error output")
    func dies() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("echo on; cat")))
                _ = try await program.read(until: "on")
                target.signal(SIGKILL)
                let errors = try await program.read(until: "[SSHPROXY_BACKEND_DISCONNECTED]")
                #expect(errors.contains("The connection to the target server was lost."))
                #expect(try await program.nextOutput() == nil)
                await #expect(throws: CodedError.self) { try await program.exit() }
                #expect(try await !program.write(ByteBuffer(string: "x")))
                await #expect(throws: CodedError.self) {
                    try await workspace.start(ProgramRequest(kind: .shell))
                }
            }
            for code in ["STDOUT_ERROR", "STDERR_ERROR", "STDIN_ERROR", "BACKEND_DISCONNECTED"] {
                #expect(proxy.codes.contains("SSHPROXY_" + code), "\(proxy.codes)")
            }
        }
    }

    @Test("a target that hangs in the middle of a session is given up in time")
    func hangs() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) { $0.timeout = .seconds(3) }
            try await proxy.withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("echo on; cat")))
                _ = try await program.read(until: "on")
                target.signal(SIGSTOP)
                let start = ContinuousClock.now
                _ = try await program.read(until: "[SSHPROXY_BACKEND_DISCONNECTED]")
                #expect(ContinuousClock.now - start < .seconds(80))
            }
        }
    }

    @Test("an idle session outlives the time of silence, as the target answers")
    func idle() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target) { $0.timeout = .seconds(1) }
            try await proxy.withWorkspace { workspace in
                let done = try await workspace.run("sleep 4; echo still")
                #expect(done.output == "still\n")
            }
        }
    }

    @Test("a target that no longer reads is left without waiting for it")
    func stuck() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            let workspace = try await proxy.open()
            // Each fills its window; together they fill the sockets too.
            var programs: [any Program] = []
            for _ in 0..<10 {
                let program = try await workspace.start(
                    ProgramRequest(kind: .exec("echo on; cat >/dev/null"))
                )
                _ = try await program.read(until: "on")
                programs.append(program)
            }
            target.signal(SIGSTOP)
            let written = Counter()
            await withTaskGroup(of: Void.self) { group in
                for program in programs {
                    group.addTask {
                        let piece = ByteBuffer(repeating: 1, count: 1 << 16)
                        while (try? await program.write(piece)) == true { written.add() }
                    }
                }
                group.addTask {
                    var looks: [Int] = []
                    // Whatever it has come to: the workspace is closed.
                    try? await eventually(.seconds(150), "nothing more is taken") {
                        looks.append(written.count)
                        return looks.count > 100 && Set(looks.suffix(100)).count == 1
                    }
                    await workspace.close()
                }
            }
            #expect(proxy.codes.contains("SSHPROXY_BACKEND_DISCONNECT_FAILED"), "\(proxy.codes)")
            #expect(target.connections.count > 0)
        }
    }

    @Test("what the target says when it hangs up reaches the person")
    func farewell() async throws {
        let server = try await TestServer.start(try TestServer.settings())
        let proxy = try nowhere {
            $0.port = server.port
            $0.allowedHostKeyFingerprints = [server.hostKey.fingerprint]
            $0.timeout = .seconds(20)
        }
        let workspace = try await proxy.open()
        let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
        await server.server.shutdown(deadline: .zero, text: "closed for the night")
        let seen = try await program.read(until: "[SSHPROXY_BACKEND_DISCONNECTED]")
        #expect(seen.contains("The target server ended the connection: closed for the night"))
        await workspace.close()
    }

    @Test("more connections than threads are refused")
    func budget() throws {
        let budget = ThreadBudget(limit: 2)
        let first = try #require(budget.take())
        #expect(budget.take() != nil)
        #expect(budget.take() == nil)
        first.giveBack()
        #expect(budget.take() != nil)
    }
}

private final class Counter: Sendable {
    private let value = Mutex(0)

    var count: Int { value.withLock { $0 } }

    func add() { value.withLock { $0 += 1 } }
}
