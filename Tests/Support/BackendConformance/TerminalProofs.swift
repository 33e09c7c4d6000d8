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
