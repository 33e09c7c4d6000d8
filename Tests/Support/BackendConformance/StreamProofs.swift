import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about a program's three pipes.
enum StreamProofs {
    static func separatesStreamsAndReportsStatus(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("echo out; echo err >&2; exit 7")
            try claim("stdout is apart", done.output == "out\n", seen: done.output)
            try claim("stderr is apart", done.errors == "err\n", seen: done.errors)
            try claim("the status is exact", done.exit == .status(7), seen: "\(done.exit)")
        }
    }

    static func reportsStatusOfSilentProgram(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("exit 0")
            try claim("nothing was said", done.output + done.errors == "", seen: "\(done)")
            try claim("the status is 0", done.exit == .status(0), seen: "\(done.exit)")
        }
    }

    static func carriesLargeStreamsIntact(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
            let pattern = Pattern()
            let total = 100 << 20
            async let fed: Void = pattern.feed(program, total: total)
            var position = 0
            while let piece = try await program.nextOutput() {
                try claim("cat says nothing on stderr", piece.stream == .stdout)
                try claim("a piece is at most 256 KiB", piece.bytes.readableBytes <= 256 << 10)
                try claim("bytes at \(position) are intact", pattern.matches(piece.bytes, position))
                position += piece.bytes.readableBytes
            }
            try await fed
            try claim("all bytes came", position == total, seen: "\(position)")
            let exit = try await program.exit()
            try claim("cat ends well", exit == .status(0), seen: "\(exit)")
            await program.terminate()
        }
    }

    static func inputEndDoesNotEndProgram(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("cat >/dev/null; sleep 0.3; echo after; exit 4")
            try claim("output after the end of input comes", done.output == "after\n")
            try claim("so does the status", done.exit == .status(4), seen: "\(done.exit)")
        }
    }

    static func closedInputReachesProgramAsEnd(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let done = try await workspace.run("cat; echo end", input: "one\ntwo")
            try claim("input, then its end", done.output == "one\ntwoend\n", seen: done.output)
        }
    }

    static func bytesForNonReaderAreDropped(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("exec <&-; echo closed; sleep 0.2; echo end"))
            )
            _ = try await program.read(until: "closed")
            for _ in 0..<64 {
                try await program.write(ByteBuffer(repeating: 0x61, count: 64 << 10))
            }
            let done = try await program.finish()
            try claim("the program is untouched", done.exit == .status(0), seen: "\(done)")
            await program.terminate()
        }
    }

    /// A producer must stop while nobody reads: what it has produced is counted by itself.
    static func unreadOutputHoldsProgram(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(
                    kind: .exec("dd if=/dev/zero bs=65536 count=2000 2>/dev/null; : >/tmp/produced")
                )
            )
            _ = try await program.nextOutput()
            let looked = try await workspace.run("sleep 1; test -e /tmp/produced && echo done")
            try claim("125 MiB do not fit between", looked.output == "", seen: looked.output)
            let (rest, exit) = try await (program.countOutput(), program.exit())
            try claim("the rest comes when read", rest > 100 << 20, seen: "\(rest)")
            try claim("and the program ends well", exit == .status(0), seen: "\(exit)")
            await program.terminate()
        }
    }

    static func outputBeforeExitIsComplete(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(
                ProgramRequest(kind: .exec("head -c 3000000 /dev/zero; exit 3"))
            )
            let (count, exit) = try await (program.countOutput(), program.exit())
            try claim("no byte is lost", count == 3_000_000, seen: "\(count)")
            try claim("the status is exact", exit == .status(3), seen: "\(exit)")
            await program.terminate()
        }
    }

    static func cancelledReaderStops(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let program = try await workspace.start(ProgramRequest(kind: .exec("cat")))
            let reader = Task { try await program.nextOutput() }
            let waiter = Task { try await program.exit() }
            reader.cancel()
            waiter.cancel()
            try await claimCancelled("a cancelled reader throws CancellationError", reader)
            try await claimCancelled("so does one that waits for the exit", waiter)
            try await program.write(ByteBuffer(string: "still here\n"))
            _ = try await program.read(until: "still here")
            await program.terminate()
        }
    }

    private static func claimCancelled<Value>(
        _ text: String,
        _ task: Task<Value, any Error>
    ) async throws {
        switch await task.result {
        case .success: throw ConformanceFailure("\(text); it returned")
        case .failure(let error):
            try claim(text, error is CancellationError, seen: "\(error)")
        }
    }
}

extension Program {
    /// Reads to the end of output; the bytes of stdout.
    func countOutput() async throws -> Int {
        var count = 0
        while let piece = try await nextOutput() {
            if piece.stream == .stdout { count += piece.bytes.readableBytes }
        }
        return count
    }
}

/// Bytes that tell their position: a block of prime length, repeated.
struct Pattern: Sendable {
    private static let period = 1_048_573
    private let bytes: ByteBuffer

    init() {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var block = ByteBuffer()
        for _ in 0..<(Self.period / 8 + 1) {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            block.writeInteger(state)
        }
        let once = ByteBuffer(block.readableBytesView.prefix(Self.period))
        var twice = once
        twice.writeImmutableBuffer(once)
        bytes = twice
    }

    func slice(at position: Int, length: Int) -> ByteBuffer {
        bytes.getSlice(at: position % Self.period, length: length) ?? ByteBuffer()
    }

    func matches(_ piece: ByteBuffer, _ position: Int) -> Bool {
        slice(at: position, length: piece.readableBytes) == piece
    }

    func feed(_ program: any Program, total: Int) async throws {
        var position = 0
        while position < total {
            let length = min(100_000, total - position)
            try await program.write(slice(at: position, length: length))
            position += length
        }
        await program.closeInput()
    }
}
