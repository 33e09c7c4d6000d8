import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization
import SharedWaiting

/// A program in a container.
final class DockerProgram: Program {
    private let exec: ExecStarter.Exec
    private let execs: ExecStarter
    private let logger: Logger
    private let watch: ExitWatch
    private let state: Mutex<State>

    private struct State {
        var first: [EngineStream.Piece]
        var ending: Task<Void, Never>?
        var watching: Task<Void, Never>?
        /// The write that waits.
        var write: Latch<Void>?
        var isInputOver = false
        var isOutputUnwanted = false
    }

    var id: String { exec.id }

    /// Whether it has ended and its output too.
    var isOver: Bool { watch.exit.isSettled && exec.stream.ended.isSettled }

    init(
        exec: ExecStarter.Exec,
        execs: ExecStarter,
        trouble: ContainerTrouble,
        logger: Logger
    ) {
        self.exec = exec
        self.execs = execs
        self.logger = logger
        // Taken from the end.
        state = Mutex(State(first: exec.first.reversed()))
        let watch = ExitWatch(
            engine: execs.engine,
            exec: exec,
            silence: execs.config.timeouts.silence,
            trouble: trouble,
            logger: logger
        )
        self.watch = watch
        let watching = Task {
            await watch.run()
            endInput()
            // An engine that hangs would never end the output.
            if await watch.hasFailed { await exec.stream.close() }
        }
        state.withLock { $0.watching = watching }
    }

    func nextOutput() async throws -> ProgramOutput? {
        var piece = state.withLock { $0.first.popLast() }
        if piece == nil { piece = try await exec.stream.next() }
        while piece != nil, state.withLock({ $0.isOutputUnwanted }) {
            piece = try await exec.stream.next()
        }
        guard let piece else { return nil }
        return ProgramOutput(
            stream: piece.output == .stdout ? .stdout : .stderr,
            bytes: piece.bytes
        )
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        let taken = Latch<Void>()
        let isOver = state.withLock { state in
            if !state.isInputOver { state.write = taken }
            return state.isInputOver
        }
        // Nobody reads any more: dropped, as the protocol says.
        guard !isOver else { return false }
        exec.stream.send(bytes).whenComplete { [logger] result in
            if case .failure(let error) = result {
                logger.emit(.dockerStreamInputFailed, ["reason": "\(error)"])
            }
            taken.settle(.success(()))
        }
        try await taken.value()
        return true
    }

    /// The engine leaves input alone that a program has not read before its end.
    private func endInput() {
        let write = state.withLock { state in
            state.isInputOver = true
            return state.write.take()
        }
        write?.settle(.success(()))
    }

    func closeInput() async {
        guard !exec.hasTerminal else { return }
        do {
            try await exec.stream.closeInput()
        } catch {
            logger.emit(.dockerCloseInputFailed, ["reason": "\(error)"])
        }
    }

    /// The engine has no way to close one direction of an exec: what comes is taken and dropped.
    func closeOutput() async {
        guard !exec.hasTerminal else { return }
        logger.emit(.dockerCloseOutputFailed)
        state.withLock { $0.isOutputUnwanted = true }
    }

    func sendBreak(milliseconds: UInt32) async throws {
        throw OperationUnsupported(operation: "break")
    }

    func resize(_ size: WindowSize) async throws {
        guard exec.hasTerminal else {
            throw OperationUnsupported(operation: "resize without terminal")
        }
        logger.emit(.dockerExecResize)
        try await within(
            execs.config.timeouts.window,
            late: CodedError(.dockerExecResizeFailed, detail: "not done in time"),
            { [exec, execs] in
                try await execs.engine.resizeExec(exec.id, rows: size.rows, columns: size.columns)
            }
        )
    }

    func signal(_ name: String) async throws {
        guard let number = SignalName.number(of: name) else {
            throw CodedError(.dockerExecSignalFailed, detail: "unknown signal \(name)")
        }
        guard !watch.exit.isSettled else {
            throw CodedError(.dockerProgramNotRunning, detail: "the program has ended")
        }
        logger.emit(.dockerExecSignal, ["signal": "\(name)"])
        watch.willSend(name, number)
        try await execs.signal(name, process: exec.process)
        logger.emit(.dockerExecSignalSuccessful, ["signal": "\(name)"])
    }

    func exit() async throws -> ProgramExit { try await watch.exit.value() }

    func terminate() async {
        let task = state.withLock { state in
            let task = state.ending ?? Task { await self.end() }
            state.ending = task
            return task
        }
        await task.value
    }

    /// Gives the program up without killing it: its container is gone.
    func abandon() async {
        let task = state.withLock { state in
            state.ending = state.ending ?? Task { await self.release() }
            return state.ending
        }
        // A termination that waits for the engine ends with the container too.
        watch.settleAsKilled()
        await task?.value
    }

    private func end() async {
        if !watch.exit.isSettled {
            do {
                watch.willSend("KILL", 9)
                try await execs.signal("KILL", process: exec.process)
                // The engine tells at once; what it does not tell in this time nobody waits for.
                _ = try await within(.seconds(2), late: CancellationError()) { [watch] in
                    try await watch.exit.value()
                }
            } catch {
                logger.emit(.dockerExecSignalFailed, ["reason": "\(error)"])
            }
        }
        await release()
    }

    private func release() async {
        watch.settleAsKilled()
        state.withLock { $0.watching }?.cancel()
        await exec.stream.close()
    }
}
