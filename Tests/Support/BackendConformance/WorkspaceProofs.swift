import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about a workspace as a whole.
enum WorkspaceProofs {
    static func fileIsPutWhole(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let content = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let path = "/tmp/a new folder/deeper/file"
            let first = WorkspaceFile(path: path, content: [0x78], mode: 0o644)
            try await workspace.putFile(first)
            try await workspace.putFile(WorkspaceFile(path: path, content: content, mode: 0o640))
            let listed = try await workspace.run(
                "ls -l '/tmp/a new folder/deeper/' | grep -c . ; stat -c '%a %s' '\(path)'"
            )
            try claim(
                "one file, mode and size",
                listed.output == "2\n640 300000\n",
                seen: "\(listed)"
            )
            let program = try await workspace.start(ProgramRequest(kind: .exec("cat '\(path)'")))
            var back: [UInt8] = []
            while let piece = try await program.nextOutput() {
                back += piece.bytes.readableBytesView
            }
            try claim("its content is intact", back == content)
            await program.terminate()
        }
    }

    static func closeEndsEverything(_ subject: ConformanceSubject) async throws {
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await subject.open(id)
        let program = try await workspace.start(
            ProgramRequest(
                kind: .exec("setsid sleep 300 & trap '' TERM HUP; echo ready; sleep 300")
            )
        )
        do {
            _ = try await program.read(until: "ready")
            try claim("it is seen while open", !(try await subject.leftovers(id)).isEmpty)
        } catch {
            await workspace.close()
            throw error
        }
        let reader = Task { while try await program.nextOutput() != nil {} }
        await workspace.close()
        _ = await reader.result  // Ends, with or without an error.
        try await claimNothingLeft(subject, id)
    }

    static func closeIsHarmlessWhenRepeated(_ subject: ConformanceSubject) async throws {
        let id = ConformanceSubject.newConnectionID()
        let workspace = try await subject.open(id)
        async let first: Void = workspace.close()
        async let second: Void = workspace.close()
        _ = await (first, second)
        await workspace.close()
        try await claimThrows("a closed workspace starts nothing") {
            _ = try await workspace.start(ProgramRequest(kind: .exec("true")))
        }
        try await claimNothingLeft(subject, id)
    }

    /// Cancels at several moments of an opening: at once, and ever later.
    static func cancelledOpeningLeavesNothing(_ subject: ConformanceSubject) async throws {
        for turns in [0, 1, 10, 100, 1000, 10_000, 100_000] {
            let id = ConformanceSubject.newConnectionID()
            let opening = Task { try await subject.open(id) }
            for _ in 0..<turns { await Task.yield() }
            opening.cancel()
            // One that was quicker than its cancellation is a workspace like any other.
            if case .success(let workspace) = await opening.result { await workspace.close() }
            try await claimNothingLeft(subject, id)
        }
    }

    private static func claimNothingLeft(_ subject: ConformanceSubject, _ id: String) async throws {
        var left = try await subject.leftovers(id)
        // What is behind the backend notices that it was left when it gets to it.
        let end = ContinuousClock.now + subject.patience
        while subject.noticesLater, !left.isEmpty, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
            left = try await subject.leftovers(id)
        }
        try claim("a closed workspace leaves nothing", left.isEmpty, seen: "\(left)")
    }
}
