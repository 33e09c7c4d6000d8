import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// Starts programs in a container.
struct ExecStarter: Sendable {
    /// A program that has been started.
    struct Exec: Sendable {
        let id: String
        /// Where it runs.
        let container: String
        /// Inside the container.
        let process: Int
        let stream: EngineStream
        /// Output that came along with the process id.
        let first: [EngineStream.Piece]
        let hasTerminal: Bool
    }

    struct Finished: Sendable {
        let status: Int
        /// Both streams, as far as it is of use in a message.
        let output: String
    }

    let engine: EngineClient
    let container: String
    let config: DockerConfig
    let loop: any EventLoop
    let logger: Logger

    private static let longestReport = 500
    /// Our line comes within milliseconds; nobody says so much until then.
    private static let mostHeld = 4 << 20

    /// Starts `command` and waits until it runs, or its shell has said why not.
    func start(
        _ command: [String],
        environment: [String],
        terminal: WindowSize?
    ) async throws -> Exec {
        try await within(
            config.timeouts.commandStart,
            late: CodedError(.dockerExecAttachFailed, detail: "not started in time"),
            {
                try await self.begin(command, environment: environment, terminal: terminal)
            }
        )
    }

    private func begin(
        _ command: [String],
        environment: [String],
        terminal: WindowSize?
    ) async throws -> Exec {
        let knowsSize = try await engine.version() >= .withConsoleSize
        let script = Scripts.program(command, terminal: knowsSize ? nil : terminal)
        logger.emit(.dockerExecCreate)
        let id = try await engine.createExec(
            container,
            ExecRequest(
                command: script,
                environment: environment,
                hasTerminal: terminal != nil,
                consoleSize: knowsSize ? terminal.map { [$0.rows, $0.columns] } : nil
            ),
            within: config.timeouts.commandStart
        )
        logger.emit(.dockerExecAttach)
        let stream = try await engine.startExec(id, hasTerminal: terminal != nil, on: loop)
        do {
            let (process, first) = try await Self.processLine(stream)
            return Exec(
                id: id,
                container: container,
                process: process,
                stream: stream,
                first: first,
                hasTerminal: terminal != nil
            )
        } catch {
            await stream.close()
            throw error
        }
    }

    /// What the program says on its other stream may overtake our line.
    private static func processLine(
        _ stream: EngineStream
    ) async throws -> (Int, [EngineStream.Piece]) {
        var line = ProcessLine()
        var errors: [EngineStream.Piece] = []
        var heldBytes = 0
        while let piece = try await stream.next(), heldBytes < mostHeld {
            guard piece.output == .stdout else {
                errors.append(piece)
                heldBytes += piece.bytes.readableBytes
                continue
            }
            switch line.take(piece.bytes.readableBytesView) {
            case .unfinished: continue
            case .foreign(let text): throw CodedError(.dockerExecPidReadFailed, detail: text)
            case .process(let process, let rest):
                guard !rest.isEmpty else { return (process, errors) }
                return (process, errors + [(.stdout, ByteBuffer(bytes: rest))])
            }
        }
        let said = errors.map { String(buffer: $0.bytes) }.joined().prefix(longestReport)
        throw CodedError(.dockerExecPidReadFailed, detail: line.text + said)
    }

    /// Runs a short command of our own to its end.
    func run(_ command: [String], input: ByteBuffer = ByteBuffer()) async throws -> Finished {
        try await within(
            config.timeouts.commandStart,
            late: CodedError(.dockerExecAttachFailed, detail: "not done in time"),
            {
                let id = try await engine.createExec(container, ExecRequest(command: command))
                let stream = try await engine.startExec(id, hasTerminal: false, on: loop)
                do {
                    let output = try await Self.exchange(stream, input)
                    await stream.close()
                    return Finished(status: try await status(id), output: output)
                } catch {
                    await stream.close()
                    throw error
                }
            }
        )
    }

    private static func exchange(
        _ stream: EngineStream,
        _ input: ByteBuffer
    ) async throws -> String {
        async let written: Void = feed(stream, input)
        var output = ByteBuffer()
        while let piece = try await stream.next() {
            guard output.readableBytes < longestReport else { continue }
            output.writeImmutableBuffer(piece.bytes)
        }
        await written
        return String(decoding: output.readableBytesView.prefix(longestReport), as: UTF8.self)
    }

    private static func feed(_ stream: EngineStream, _ input: ByteBuffer) async {
        // A command that stops reading says why by its status.
        if input.readableBytes > 0 { try? await stream.send(input).get() }
        try? await stream.closeInput()
    }

    /// Of a program whose output has ended.
    private func status(_ id: String) async throws -> Int {
        var pause = BackOff(from: .milliseconds(2), upTo: .milliseconds(100))
        while true {
            let state = try await engine.inspectExec(id)
            if !state.isRunning, let code = state.exitCode { return code }
            try await Task.sleep(for: pause.take())
        }
    }

    /// Sends a signal to a program's process group.
    func signal(_ name: String, process: Int) async throws {
        let result = try await within(
            config.timeouts.signal,
            late: CodedError(.dockerExecSignalFailed, detail: "not delivered in time"),
            { try await run(Scripts.signal(name, process: process)) }
        )
        guard result.status == 0 else {
            // No shell any more, or no kill: only an agent could do it (exit status of a command
            // that cannot be executed, POSIX XCU 2.8.2).
            let isPossible = result.status != 126 && result.status != 127
            throw CodedError(
                isPossible ? .dockerExecSignalFailed : .dockerExecSignalFailedNoAgent,
                detail: result.output
            )
        }
    }
}
