import BackendConformance
import GatewayCore
import NIOCore
import SharedSSH
import Testing

@Suite(
    "What only a backend without an engine in between can do",
    .enabled(if: SandboxHost.isAble, SandboxHost.reason)
)
struct RawBytesTests {
    @Test("a command and a variable that are not UTF-8 reach the program byte for byte")
    func notUTF8() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                var command = RawText("printf '%s|%s' \"$ODD\" ")
                command.bytes += [0xE9, 0xFF]
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec(command),
                        environment: [("ODD", RawText([0x80, 0x41]))]
                    )
                )
                await program.closeInput()
                var output: [UInt8] = []
                while let piece = try await program.nextOutput() {
                    output += piece.bytes.readableBytesView
                }
                #expect(output == [0x80, 0x41, 0x7C, 0xE9, 0xFF])
                await program.terminate()
            }
        }
    }

    @Test("a break interrupts where the terminal says so, and is a NUL where it does not")
    func breakOnTerminal() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec(
                            """
                            stty raw -echo -brkint; echo ready; head -c 1 | od -An -tu1
                            stty brkint; trap 'echo interrupted; exit 3' INT
                            echo again; while :; do sleep 0.1; done
                            """
                        ),
                        pty: pty
                    )
                )
                _ = try await program.read(until: "ready")
                try await program.sendBreak(milliseconds: 0)
                let seen = try await program.read(until: "again")
                #expect(seen.contains("0"))
                try await program.sendBreak(milliseconds: 500)
                _ = try await program.read(until: "interrupted")
                #expect(try await program.exit() == .status(3))
                await program.terminate()
            }
        }
    }

    @Test("a break without a terminal is refused")
    func breakWithoutTerminal() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
                await #expect(throws: OperationUnsupported.self) {
                    try await program.sendBreak(milliseconds: 0)
                }
                await program.terminate()
            }
        }
    }

    @Test("a program whose output nobody takes gets SIGPIPE, and its input goes on")
    func closedOutput() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let program = try await workspace.start(ProgramRequest(kind: .exec("yes")))
                _ = try await program.nextOutput()
                await program.closeOutput()
                guard case .signal(name: "PIPE", _, _) = try await program.exit() else {
                    Issue.record("ended otherwise: \(try await program.exit())")
                    return
                }
                while try await program.nextOutput() != nil {}
                await program.terminate()
            }
        }
    }

    @Test("bytes for a program that has closed its input are known not to be read")
    func closedInput() async throws {
        try await SandboxFixture.with { fixture in
            try await fixture.subject.withWorkspace { workspace in
                let program = try await workspace.start(
                    ProgramRequest(kind: .exec("exec <&-; echo closed; sleep 60"))
                )
                _ = try await program.read(until: "closed")
                #expect(try await program.write(ByteBuffer(string: "x")) == false)
                await program.terminate()
            }
        }
    }
}
