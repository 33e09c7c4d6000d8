import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about how programs start and end.
enum ProgramProofs {
    static func termSignalEndsProgram(_ subject: ConformanceSubject) async throws {
        try await signalEndsProgram("TERM", subject)
    }

    static func killSignalEndsProgram(_ subject: ConformanceSubject) async throws {
        try await signalEndsProgram("KILL", subject)
    }

    private static func signalEndsProgram(
        _ name: String,
        _ subject: ConformanceSubject
    ) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("echo ready; exec sleep 300"))
            )
            _ = try await program.read(until: "ready")
            try await program.signal(name)
            let exit = try await program.exit()
            guard case .signal(name: name, coreDumped: false, _) = exit else {
                throw ConformanceFailure("ended by \(name); seen: \(exit)")
            }
            await program.terminate()
        }
    }

    static func unknownSignalIsRefused(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
            try await claimThrows("a signal nobody knows is refused") {
                try await program.signal("NONSENSE")
            }
            await program.terminate()
        }
    }

    static func unknownSubsystemIsRefused(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            try await claimThrows("a subsystem nobody configured is refused") {
                let program = try await workspace.start(
                    ProgramRequest(kind: .subsystem("no-such-subsystem"))
                )
                await program.terminate()
            }
        }
    }

    static func missingCommandIs127(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("/nonexistent/command")
            try claim("the status is 127", done.exit == .status(127), seen: "\(done.exit)")
            try claim("stderr names it", done.errors.contains("nonexistent"), seen: done.errors)
        }
    }

    static func programsRunSideBySide(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            // Each waits for its turn, which only comes if all run at once.
            let count = 8
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<count {
                    group.addTask {
                        let done = try await workspace.run(
                            """
                            mkdir -p /tmp/side; : >/tmp/side/\(index)
                            until test "$(ls /tmp/side | wc -l)" -eq \(count); do sleep 0.05; done
                            echo \(index); exit \(index)
                            """
                        )
                        try claim("its own output", done.output == "\(index)\n", seen: "\(done)")
                        try claim("its own status", done.exit == .status(UInt32(index)))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    static func programsShareTheWorkspace(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            _ = try await workspace.run("echo kept >/tmp/shared; echo home >\"$HOME/kept\"")
            let done = try await workspace.run("cat /tmp/shared \"$HOME/kept\"")
            try claim("files stay", done.output == "kept\nhome\n", seen: "\(done)")
        }
    }

    static func environmentReachesProgram(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run(
                "echo \"$LANG|$GREETING|$EMPTY|${EMPTY-unset}\"",
                environment: [
                    ("LANG", "first"), ("GREETING", "two words = \"quoted\""), ("EMPTY", ""),
                    ("LANG", "C.UTF-8"),
                ]
            )
            try claim(
                "later entries win, values stay as they are",
                done.output == "C.UTF-8|two words = \"quoted\"||\n",
                seen: done.output
            )
        }
    }

    static func exitDoesNotWaitForChildren(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("sleep 300 & echo started; exit 6"))
            )
            _ = try await program.read(until: "started")
            let exit = try await within(.seconds(10), "exit with a child holding the output") {
                try await program.exit()
            }
            try claim("the status is the program's", exit == .status(6), seen: "\(exit)")
            await program.terminate()
        }
    }

    static func terminateEndsProgram(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec("trap '' TERM HUP INT; echo $$; while :; do sleep 1; done")
                )
            )
            let pid = try await program.read(until: "\n").filter(\.isNumber)
            await program.terminate()
            await program.terminate()
            try await eventually(subject.patience, "a terminated program is gone") {
                try await workspace.run("kill -0 \(pid) 2>/dev/null || echo gone").output
                    == "gone\n"
            }
        }
    }
}

func claimThrows(_ text: String, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch {
        return
    }
    throw ConformanceFailure("\(text); it was not")
}
