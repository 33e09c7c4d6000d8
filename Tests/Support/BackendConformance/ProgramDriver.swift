package import GatewayCore
import NIOCore
package import SharedSSH

/// All that a finished program said.
package struct FinishedProgram: Sendable {
    package var output: String
    package var errors: String
    package var exit: ProgramExit
}

extension Workspace {
    /// Runs a command line to its end, with `input` and then the end of input.
    package func run(
        _ command: String,
        input: String = "",
        environment: [(name: String, value: RawText)] = []
    ) async throws -> FinishedProgram {
        let program = try await start(
            ProgramRequest(kind: .exec(RawText(command)), environment: environment)
        )
        if !input.isEmpty { try await program.write(ByteBuffer(string: input)) }
        await program.closeInput()
        let finished = try await program.finish()
        await program.terminate()
        return finished
    }
}

extension Program {
    /// Reads all output, then the exit.
    package func finish() async throws -> FinishedProgram {
        var output = ByteBuffer()
        var errors = ByteBuffer()
        while var piece = try await nextOutput() {
            switch piece.stream {
            case .stdout: output.writeBuffer(&piece.bytes)
            case .stderr: errors.writeBuffer(&piece.bytes)
            }
        }
        return FinishedProgram(
            output: String(buffer: output),
            errors: String(buffer: errors),
            exit: try await exit()
        )
    }

    /// Reads output until `text` has come; tells for each byte of the input whether it was hidden.
    package func inputs(until text: String) async throws -> [Bool] {
        var (seen, hidden) = ("", [Bool]())
        while !seen.contains(text) {
            guard let piece = try await nextOutput() else {
                throw ConformanceFailure("output ended before \"\(text)\" came; seen: \(seen)")
            }
            seen += String(buffer: piece.bytes)
            guard let input = piece.input else { continue }
            hidden += [Bool](repeating: input.isHidden, count: input.count)
        }
        return hidden
    }

    /// Reads output until `text` has come; returns all of it.
    package func read(until text: String) async throws -> String {
        var seen = ""
        while !seen.contains(text) {
            guard let piece = try await nextOutput() else {
                throw ConformanceFailure("output ended before \"\(text)\" came; seen: \(seen)")
            }
            seen += String(buffer: piece.bytes)
        }
        return seen
    }
}
