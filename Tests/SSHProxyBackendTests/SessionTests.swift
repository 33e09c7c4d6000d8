import BackendConformance
import Foundation
import GatewayCore
import NIOCore
import SSHTarget
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import SSHProxyBackend

@Suite(
    "What a session asks of the target",
    .enabled(if: SSHTarget.isThere, ProxyFixture.reason),
    .timeLimit(.minutes(5))
)
struct SessionTests {
    @Test("the signal that ended a program comes with its core flag")
    func exitSignal() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let done = try await workspace.run("kill -s SEGV $$")
                guard case .signal("SEGV", _, _) = done.exit else {
                    Issue.record("\(done.exit)")
                    return
                }
                #expect(try await workspace.run("exit 255").exit == .status(255))
            }
            #expect(proxy.codes.contains("SSHPROXY_EXIT_SIGNAL"))
            #expect(proxy.codes.contains("SSHPROXY_EXIT_STATUS"))
        }
    }

    @Test("a terminal has the name, the pixels and the modes that the client asked for")
    func terminal() async throws {
        let size = WindowSize(columns: 91, rows: 27, pixelWidth: 910, pixelHeight: 540)
        // VERASE is ^H, ECHO is off (RFC 4254 §8).
        let modes: [UInt8] = [3, 0, 0, 0, 8, 53, 0, 0, 0, 0, 0]
        let show = """
            echo $TERM; stty -a | tr ';' '\\n' | grep -E 'erase =|-echo '; python3 -c '
            import fcntl, struct, termios
            size = lambda: struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b" " * 8))
            print(size(), flush=True)
            input()
            print(size())'
            """
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec(RawText(show)),
                        pty: PTYRequest(term: "vt220", size: size, modes: modes)
                    )
                )
                let first = try await program.read(until: "(27, 91, 910, 540)")
                #expect(first.contains("vt220"))
                #expect(first.contains("erase = ^H"))
                #expect(first.contains("-echo "))
                try await program.resize(
                    WindowSize(columns: 40, rows: 10, pixelWidth: 401, pixelHeight: 201)
                )
                try await program.write(ByteBuffer(string: "\n"))
                _ = try await program.read(until: "(10, 40, 401, 201)")
                await program.terminate()
            }
        }
    }

    @Test("a variable that the target refuses is left out")
    func environment() async throws {
        try await SSHTarget.with(["AcceptEnv LC_*"]) { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let done = try await workspace.run(
                    "echo $LC_ONE-$OTHER",
                    environment: [("LC_ONE", "1"), ("OTHER", "2")]
                )
                // sshd takes the first of several AcceptEnv lines and the later ones.
                #expect(done.exit == .status(0))
                #expect(done.output.hasPrefix("1-"))
            }
        }
    }

    @Test("a terminal that the target refuses ends the start, with words")
    func noTerminal() async throws {
        try await SSHTarget.with(["PermitTTY no"]) { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { workspace in
                let error = await #expect(throws: CodedError.self) {
                    try await workspace.start(
                        ProgramRequest(
                            kind: .shell,
                            pty: PTYRequest(term: "a", size: .init(columns: 1, rows: 1))
                        )
                    )
                }
                #expect(error?.personText == "The target server gives no terminal.")
                #expect(error?.code == .sshproxyBackendRequestFailed)
            }
            #expect(proxy.codes.contains("SSHPROXY_BACKEND_SESSION_CLOSING"))
        }
    }

    @Test("a session that the target refuses ends the start with the target's text")
    func noSession() async throws {
        try await SSHTarget.with(["MaxSessions 1"]) { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let first = try await workspace.start(ProgramRequest(kind: .exec("cat")))
                let error = await #expect(throws: CodedError.self) {
                    try await workspace.start(ProgramRequest(kind: .exec("true")))
                }
                #expect(error?.code == .sshproxyBackendSessionFailed)
                #expect(error?.personText?.hasSuffix(": open failed") == true)
                await first.terminate()
            }
        }
    }

    @Test("the sftp subsystem answers")
    func sftp() async throws {
        try await SSHTarget.with { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .subsystem("sftp")))
                // SSH_FXP_INIT, version 3; SSH_FXP_VERSION comes back.
                try await program.write(ByteBuffer(bytes: [0, 0, 0, 5, 1, 0, 0, 0, 3]))
                let answer = try await program.nextOutput()?.bytes
                #expect(answer?.getInteger(at: 4, as: UInt8.self) == 2)
                await program.terminate()
            }
        }
    }

    @Test("new keys in the middle of a transfer harm no byte")
    func rekey() async throws {
        try await SSHTarget.with(["RekeyLimit 1M"]) { target in
            try await ProxyFixture(target).withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
                let block = ByteBuffer(repeating: 0x5A, count: 100_000)
                async let fed: Void = {
                    for _ in 0..<200 { _ = try await program.write(block) }
                    await program.closeInput()
                }()
                var count = 0
                while let piece = try await program.nextOutput() {
                    #expect(piece.bytes.readableBytesView.allSatisfy { $0 == 0x5A })
                    count += piece.bytes.readableBytes
                }
                try await fed
                #expect(count == 20_000_000)
                #expect(try await program.exit() == .status(0))
            }
            #expect(target.log.components(separatedBy: "SSH2_MSG_KEXINIT sent").count > 10)
        }
    }

    @Test("the end of a connection ends its programs, TERM first")
    func shutdown() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            let workspace = try await proxy.open()
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec(
                        "trap 'echo told; exit 3' TERM; echo on; while :; do sleep 0.1; done"
                    )
                )
            )
            _ = try await program.read(until: "on")
            await workspace.close()
            #expect(try await program.exit() == .status(3))
            let codes = proxy.codes
            for code in [
                "SHUTDOWN", "DISCONNECTED", "BACKEND_DISCONNECTING", "BACKEND_DISCONNECTED",
            ] {
                #expect(codes.contains("SSHPROXY_" + code), "\(codes)")
            }
            await #expect(throws: CodedError.self) {
                try await workspace.start(ProgramRequest(kind: .shell))
            }
            await #expect(throws: CodedError.self) {
                try await program.resize(.init(columns: 1, rows: 1))
            }
            await #expect(throws: CodedError.self) { try await program.signal("TERM") }
            await program.closeInput()
            for code in [
                "SHUTTING_DOWN", "BACKEND_WINDOW_CHANGE_FAILED", "BACKEND_SIGNAL_FAILED",
                "SESSION_CLOSE",
            ] {
                #expect(proxy.codes.contains("SSHPROXY_" + code), "\(proxy.codes)")
            }
        }
    }

    @Test("the steps of a session are logged")
    func steps() async throws {
        try await SSHTarget.with { target in
            let proxy = try ProxyFixture(target)
            try await proxy.withWorkspace { _ = try await $0.run("echo x") }
            for code in [
                "CONNECTING", "SESSION", "SESSION_OPEN", "SESSION_CLOSE", "EXIT_STATUS",
                "STDOUT_COMPLETE",
                "STDERR_COMPLETE", "BACKEND_SESSION_CLOSED", "SESSION_CLOSED",
            ] {
                #expect(proxy.codes.contains("SSHPROXY_" + code), "\(proxy.codes)")
            }
        }
    }
}
