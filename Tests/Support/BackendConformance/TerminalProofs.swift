import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about programs with a terminal, and the login shell.
enum TerminalProofs {
    private static let terminal = PTYRequest(
        term: "xterm-256color",
        size: WindowSize(columns: 132, rows: 43)
    )

    static func shellRunsCommandsFromInput(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .shell))
            try await program.write(ByteBuffer(string: "echo $((6 * 7)); exit 5\n"))
            let done = try await program.finish()
            try claim("the command ran", done.output.contains("42\n"), seen: done.output)
            try claim("the status is the shell's", done.exit == .status(5), seen: "\(done.exit)")
            await program.terminate()
        }
    }

    static func terminalHasItsSizeBeforeStart(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("stty size; test -t 0 && echo tty"), pty: terminal)
            )
            let done = try await program.finish()
            let words = done.output.split(whereSeparator: \.isWhitespace)
            try claim("rows, columns, tty", words == ["43", "132", "tty"], seen: done.output)
            try claim("the status is 0", done.exit == .status(0), seen: "\(done.exit)")
            await program.terminate()
        }
    }

    static func resizeReachesTerminal(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec(
                        "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"
                    ),
                    pty: terminal
                )
            )
            _ = try await program.read(until: "ready")
            try await program.resize(WindowSize(columns: 91, rows: 27))
            let seen = try await program.read(until: "91")
            try claim("the new size is there", seen.contains("27 91"), seen: seen)
            await program.terminate()
        }
    }

    static func controlCharacterInterrupts(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec("trap 'echo interrupted; exit 9' INT; echo ready; sleep 30"),
                    pty: terminal
                )
            )
            _ = try await program.read(until: "ready")
            try await program.write(ByteBuffer(string: "\u{03}"))
            _ = try await program.read(until: "interrupted")
            let exit = try await program.exit()
            try claim("the trap ended it", exit == .status(9), seen: "\(exit)")
            await program.terminate()
        }
    }

    static func hiddenInputIsTold(_ subject: ConformanceSubject) async throws {
        let canTell = subject.tellsInput
        let script = """
            printf 1_; read a; stty -echo; printf 2_; read b; stty echo; printf 3_; read c; \
            stty -icanon -echo; printf 4_; head -c 4 > /dev/null; printf 5_; exit 3
            """
        try await subject.withWorkspace { workspace in
            var request = ProgramRequest(kind: .exec(RawText(script)), pty: terminal)
            let silent = try await workspace.start(request)
            try claim("it tells nobody who does not ask", !silent.tellsInput)
            await silent.terminate()
            request.watchesInput = true
            let program = try await workspace.start(request)
            try claim("it tells if it can", program.tellsInput == canTell)
            var hidden: [Bool] = []
            for (mark, typed) in [("1_", "shown\n"), ("2_", "hidden\n"), ("3_", "b"), ("b", "c\n")]
            {
                hidden += try await program.inputs(until: mark)
                try await program.write(ByteBuffer(string: typed))
            }
            hidden += try await program.inputs(until: "4_")
            // As a shell at its prompt: it shows by itself what it likes.
            try await program.write(ByteBuffer(string: "keys"))
            hidden += try await program.inputs(until: "5_")
            let expected = [(6, false), (7, true), (3, false), (4, false)].flatMap {
                [Bool](repeating: $0.1, count: $0.0)
            }
            try claim("what is hidden", hidden == (canTell ? expected : []), seen: "\(hidden)")
            await program.terminate()
        }
    }

    static func outputBeforeExitIsComplete(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            for _ in 0..<5 {
                let program = try await workspace.start(
                    ProgramRequest(
                        kind: .exec("stty -opost; yes 1234567 | head -n 25000; printf END"),
                        pty: terminal
                    )
                )
                let done = try await program.finish()
                let count = done.output.utf8.count
                try claim("no byte is lost", count == 200_003, seen: "\(count)")
                try claim("the last bytes too", done.output.hasSuffix("1234567\nEND"))
                await program.terminate()
            }
        }
    }
}
