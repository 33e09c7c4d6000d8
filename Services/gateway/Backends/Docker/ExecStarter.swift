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

    /// The image's, if it is in use.
    var agent: ImageAgent? { ImageAgent(config.execution) }

    private static let longestReport = 500
    /// Our line comes within milliseconds; nobody says so much until then.
    private static let mostHeld = 4 << 20
    private static let mostResizes = 20

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
        let waits = terminal != nil && !knowsSize
        let script =
            agent?.program(command, waits: waits)
            ?? Scripts.program(command, terminal: knowsSize ? nil : terminal)
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
            if let terminal, waits, agent != nil { try await letGo(id, stream, terminal) }
            let (process, first) = try await process(
                told: agent == nil
                    ? ProcessLine()
                    : ProcessHeader(hasTerminal: terminal != nil, hasEcho: waits),
                on: stream
            )
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
    private func process(
        told report: any ProcessReport,
        on stream: EngineStream
    ) async throws -> (Int, [EngineStream.Piece]) {
        var report = report
        var errors: [EngineStream.Piece] = []
        var heldBytes = 0
        while let piece = try await stream.next(), heldBytes < Self.mostHeld {
            guard piece.output == .stdout else {
                errors.append(piece)
                heldBytes += piece.bytes.readableBytes
                continue
            }
            switch report.take(piece.bytes.readableBytesView) {
            case .unfinished: continue
            case .foreign(let text): throw unread(text)
            case .process(let process, let rest):
                guard !rest.isEmpty else { return (process, errors) }
                return (process, errors + [(.stdout, ByteBuffer(bytes: rest))])
            }
        }
        let said = errors.map { String(buffer: $0.bytes) }.joined().prefix(Self.longestReport)
        throw unread(report.text + said)
    }

    private func unread(_ text: String) -> CodedError {
        let cause = agent.map {
            CodedError(.dockerAgentReadFailed, detail: "\($0.path) told no process id")
        }
        if let cause { logger.emit(cause) }
        return CodedError(.dockerExecPidReadFailed, detail: text, cause: cause)
    }

    /// Gives the terminal its size, then lets the program begin that waits for a line feed. A size
    /// that the engine does not take is not worth failing for.
    private func letGo(_ id: String, _ stream: EngineStream, _ size: WindowSize) async throws {
        var pause = BackOff(from: .milliseconds(10), upTo: .milliseconds(100))
        for attempt in 1...Self.mostResizes {
            do {
                try await engine.resizeExec(id, rows: size.rows, columns: size.columns)
                break
            } catch let error as CodedError {
                // The engine has a terminal a moment after it has the stream.
                if attempt == Self.mostResizes { logger.emit(error) }
                try await Task.sleep(for: pause.take())
            }
        }
        try await stream.send(ByteBuffer(string: "\n")).get()
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

    /// Sends a signal to a program's process group, or through an image's agent to the program.
    func signal(_ name: String, process: Int) async throws {
        let result = try await within(
            config.timeouts.signal,
            late: CodedError(.dockerExecSignalFailed, detail: "not delivered in time"),
            {
                try await run(
                    agent?.signal(name, process: process)
                        ?? Scripts.signal(name, process: process)
                )
            }
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
