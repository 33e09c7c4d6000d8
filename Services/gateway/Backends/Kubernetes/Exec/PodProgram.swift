import GatewayCore
import Logging
import NIOCore
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// A program in a pod that the cluster's exec has started.
final class PodProgram: Program {
    private let started: PodExecs.Started
    private let execs: PodExecs
    private let follower: PodFollower
    private let logger: Logger
    private let exitLatch = Latch<ProgramExit>()
    private let state: Mutex<State>

    private struct State {
        var first: [PodStream.Piece]
        /// Signals we have sent, by number.
        var sent: [Int: String] = [:]
        var ending: Task<Void, Never>?
        var watching: Task<Void, Never>?
        var isOutputUnwanted = false
    }

    /// Of a program that KILL has ended, which nobody sent here: the end of its pod may be why.
    private static let killed = 137
    private static let killPatience = Duration.seconds(2)

    init(
        started: PodExecs.Started,
        execs: PodExecs,
        follower: PodFollower,
        logger: Logger
    ) {
        self.started = started
        self.execs = execs
        self.follower = follower
        self.logger = logger
        // Taken from the end.
        state = Mutex(State(first: started.first.reversed()))
        let watching = Task { await self.watch() }
        state.withLock { $0.watching = watching }
    }

    /// Whether it has ended and its output too.
    var isOver: Bool { exitLatch.isSettled && started.stream.ended.isSettled }

    // MARK: - Streams

    func nextOutput() async throws -> ProgramOutput? {
        var piece = state.withLock { $0.first.popLast() }
        do {
            if piece == nil { piece = try await started.stream.next() }
            while piece != nil, state.withLock({ $0.isOutputUnwanted }) {
                piece = try await started.stream.next()
            }
        } catch is ClusterFault {
            // How the program ended says why.
            return nil
        }
        guard let piece else { return nil }
        return ProgramOutput(
            stream: piece.output == .stdout ? .stdout : .stderr,
            bytes: piece.bytes
        )
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        guard !exitLatch.isSettled else { return false }
        let taken = Latch<Bool>()
        started.stream.send([bytes]).whenComplete { result in
            taken.settle(.success((try? result.get()) != nil))
        }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await taken.value() }
            group.addTask { [exitLatch] in
                // Nobody reads for a program that has ended.
                _ = try? await exitLatch.value()
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    func closeInput() async {
        guard !started.hasTerminal else { return }
        do {
            let isDone = try await started.stream.closeInput()
            if !isDone { logger.emit(.kubernetesCloseInputUnsupported) }
        } catch {
            // The stream is gone, and the program's input with it.
            logger.emit(.kubernetesCloseOutputFailed, ["reason": "\(error)"])
        }
    }

    /// An exec has no way to close one direction: what comes is taken and dropped.
    func closeOutput() async {
        guard !started.hasTerminal else { return }
        logger.emit(.kubernetesCloseOutputFailed)
        state.withLock { $0.isOutputUnwanted = true }
    }

    func sendBreak(milliseconds: UInt32) async throws {
        throw OperationUnsupported(operation: "break")
    }

    func resize(_ size: WindowSize) async throws {
        guard started.hasTerminal else {
            throw OperationUnsupported(operation: "resize without terminal")
        }
        guard !exitLatch.isSettled else { throw CodedError(.kubernetesProgramNotRunning) }
        logger.emit(.kubernetesExecResize)
        try await coded(.kubernetesExecResizeFailed) {
            try await started.stream.resize(columns: size.columns, rows: size.rows)
        }
    }

    // MARK: - Signals and end

    func signal(_ name: String) async throws {
        guard let number = SignalName.number(of: name) else {
            throw CodedError(.kubernetesExecSignalFailed, detail: "unknown signal \(name)")
        }
        guard !exitLatch.isSettled else { throw CodedError(.kubernetesSignalFailedExited) }
        guard let process = started.process else {
            throw CodedError(.kubernetesSignalFailedNoPid)
        }
        logger.emit(.kubernetesExecSignal, ["signal": "\(name)"])
        state.withLock { $0.sent[number] = name }
        try await execs.signal(name, process: process)
        logger.emit(.kubernetesExecSignalSuccessful, ["signal": "\(name)"])
    }

    func exit() async throws -> ProgramExit { try await exitLatch.value() }

    private func watch() async {
        do {
            switch try await started.stream.status.value() {
            case .exited(let status):
                if status == Self.killed, state.withLock({ $0.sent[9] == nil }),
                    let why = try? await follower.end.value(
                        within: Self.killPatience,
                        late: CancellationError()
                    )
                {
                    return exitLatch.settle(.failure(why))
                }
                exitLatch.settle(.success(result(status)))
            case .failed(let reason, let message):
                let text = "\(reason): \(message)"
                guard !message.contains("no such file") else {
                    return exitLatch.settle(.success(.status(127)))
                }
                exitLatch.settle(.failure(CodedError(.kubernetesExecFailed, detail: text)))
            }
        } catch is CancellationError {
            exitLatch.settle(.success(.status(137)))
        } catch {
            await explain(error)
        }
    }

    /// A status that says "killed by this signal" is believed where we have sent that. Without,
    /// 143 is what a shell says when somebody else's signal ended its child, or just a number.
    private func result(_ status: Int) -> ProgramExit {
        guard status > 128, let name = state.withLock({ $0.sent[status - 128] }) else {
            return .status(UInt32(truncatingIfNeeded: status))
        }
        return .signal(name: name, coreDumped: false, message: "")
    }

    /// The stream ended and said nothing: the pod may tell why.
    private func explain(_ error: any Error) async {
        let unknown = CodedError(.kubernetesExitCodeFailed, detail: "\(error)", cause: error)
        do {
            let why = try await follower.reason(else: unknown)
            exitLatch.settle(.failure(why))
        } catch {
            if !exitLatch.isSettled { logger.emit(unknown) }
            exitLatch.settle(.failure(unknown))
        }
    }

    func terminate() async {
        let task = state.withLock { state in
            let task = state.ending ?? Task { await self.finish() }
            state.ending = task
            return task
        }
        await task.value
    }

    /// Closing the stream does not end the program.
    private func finish() async {
        if !exitLatch.isSettled, let process = started.process, !follower.end.isSettled {
            do {
                state.withLock { $0.sent[9] = "KILL" }
                try await execs.signal("KILL", process: process)
                // What is not told in this time nobody waits for.
                _ = try await exitLatch.value(within: .seconds(2), late: CancellationError())
            } catch {
                logger.emit(.kubernetesExecSignalFailed, ["reason": "\(error)"])
            }
        }
        await release()
    }

    /// Its pod serves no more: streams of such a one may freeze instead of ending.
    func cut() async { await started.stream.close() }

    /// Gives the program up without killing it: its pod is gone.
    func abandon() async {
        let task = state.withLock { state in
            state.ending = state.ending ?? Task { await self.release() }
            return state.ending
        }
        await task?.value
    }

    private func release() async {
        exitLatch.settle(
            .success(.signal(name: "KILL", coreDumped: false, message: ""))
        )
        state.withLock { $0.watching }?.cancel()
        if let problem = await started.stream.close() {
            logger.emit(.kubernetesCloseOutputFailed, ["reason": "\(problem)"])
        }
        await state.withLock { $0.watching }?.value
    }
}
