import BackendConformance
import GatewayCore
import NIOCore
import NIOPosix
import SharedSSH
import Testing

@testable import GuestAgent

@Suite("What an agent does to programs")
struct ProgramControlTests {
    private let subject = ConformanceSubject(
        backend: AgentBackend(),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
        leftovers: { AgentProcess.processes(marked: $0) }
    )

    @Test("a program whose output nobody wants gets SIGPIPE when it goes on", arguments: [1, 2])
    func closedOutput(_ stream: Int) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec(RawText("exec yes >&\(stream)")))
            )
            _ = try await program.nextOutput()
            await program.closeOutput()
            #expect(
                try await program.exit() == .signal(name: "PIPE", coreDumped: false, message: "")
            )
            while try await program.nextOutput() != nil {}
            await program.terminate()
        }
    }

    @Test("one that says nothing more ends as it likes")
    func quietAfterwards() async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("echo up; read line; exit 7"))
            )
            _ = try await program.read(until: "up")
            await program.closeOutput()
            try await program.write(ByteBuffer(string: "go\n"))
            #expect(try await program.exit() == .status(7))
            await program.terminate()
        }
    }

    @Test("a break is an interrupt where the terminal is set so, else a NUL, or nothing")
    func breaks() async throws {
        let terminal = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        try await subject.withWorkspace { workspace in
            let script = """
                trap 'echo broken; stty -brkint -icanon -echo min 1; printf now_; \
                head -c 1 | od -An -tx1; stty ignbrk; echo ignored; read x; exit 9' INT
                stty brkint -ignbrk; echo ready; while :; do sleep 0.05; done
                """
            let program = try await workspace.start(
                ProgramRequest(kind: .exec(RawText(script)), pty: terminal)
            )
            _ = try await program.read(until: "ready")
            try await program.sendBreak(milliseconds: 500)
            let seen = try await program.read(until: "now_")
            #expect(seen.contains("broken"))
            try await program.sendBreak(milliseconds: 500)
            #expect(try await program.read(until: "ignored").contains("00"))
            try await program.sendBreak(milliseconds: 500)
            try await program.write(ByteBuffer(string: "\n"))
            #expect(try await program.exit() == .status(9))
            await program.terminate()
            let plain = try await workspace.start(ProgramRequest(kind: .exec("cat")))
            await #expect(throws: OperationUnsupported.self) {
                try await plain.sendBreak(milliseconds: 1)
            }
            await plain.terminate()
        }
    }
}
