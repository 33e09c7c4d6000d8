import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about programs each of which has a place of its own.
enum SeparateProofs {
    static func programsRunSideBySide(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            var programs: [any Program] = []
            for number in 0..<4 {
                let command = RawText("echo ready; cat; exit \(number)")
                programs.append(try await workspace.start(ProgramRequest(kind: .exec(command))))
            }
            // All of them run before any is let go.
            for program in programs { _ = try await program.read(until: "ready") }
            for (number, program) in programs.enumerated() {
                try await program.write(ByteBuffer(string: "for \(number)"))
                await program.closeInput()
                let done = try await program.finish()
                try claim("its own input", done.output.hasSuffix("for \(number)"), seen: "\(done)")
                try claim("its own status", done.exit == .status(UInt32(number)), seen: "\(done)")
                await program.terminate()
            }
        }
    }

    static func programsShareNothing(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            _ = try await workspace.run("echo kept >/tmp/shared")
            let done = try await workspace.run("test -e /tmp/shared || echo alone")
            try claim("the next begins anew", done.output == "alone\n", seen: "\(done)")
        }
    }

    static func terminateEndsEverything(_ subject: ConformanceSubject) async throws {
        let id = ConformanceSubject.newConnectionID()
        try await subject.withWorkspace(connectionID: id) { workspace in
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec("trap '' TERM HUP INT; echo ready; while :; do sleep 1; done")
                )
            )
            _ = try await program.read(until: "ready")
            try claim("it is seen", !(try await subject.leftovers(id)).isEmpty)
            await program.terminate()
            await program.terminate()
            let left = try await subject.leftovers(id)
            try claim("nothing is left of it", left.isEmpty, seen: "\(left)")
        }
    }
}
