import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization
import SharedWaiting

/// Finds out how a program ended.
///
/// Its stream ends with it, or two seconds later when its children hold the output open: then the
/// engine is asked until it says how. Before, it is asked now and then only to learn that it has
/// gone.
final class ExitWatch: Sendable {
    let exit = Latch<ProgramExit>()

    private let engine: EngineClient
    private let exec: ExecStarter.Exec
    private let logger: Logger
    /// How long an engine may not answer.
    private let silence: Duration
    private let trouble: ContainerTrouble
    /// Signals we have sent, by number.
    private let sent = Mutex<[Int: String]>([:])

    init(
        engine: EngineClient,
        exec: ExecStarter.Exec,
        silence: Duration,
        trouble: ContainerTrouble,
        logger: Logger
    ) {
        self.engine = engine
        self.exec = exec
        self.silence = silence
        self.trouble = trouble
        self.logger = logger
    }

    /// A status that says "killed by this signal" will be believed from now on. Without that, 143
    /// is what a shell says when somebody else's signal ended its child, or just a number.
    func willSend(_ name: String, _ number: Int) { sent.withLock { $0[number] = name } }

    /// Whether it is settled that the exit cannot be known.
    var hasFailed: Bool {
        get async {
            guard exit.isSettled else { return false }
            return await (try? exit.value()) == nil
        }
    }

    func settleAsKilled() {
        exit.settle(.success(.signal(name: "KILL", coreDumped: false, message: "")))
    }

    /// Works until the exit is known; ends early when its task is cancelled.
    func run() async {
        var pause = BackOff(from: .milliseconds(1), upTo: .milliseconds(500))
        var deadline = ContinuousClock.now + silence
        var hasEnded = false
        while !Task.isCancelled, !exit.isSettled {
            if !hasEnded {
                hasEnded = await outputEnds(within: silence / 4)
                // An engine that ends streams and then says no more is hardly busy.
                if hasEnded { deadline = .now + silence / 4 }
            }
            do {
                if try await ask() { return }
                deadline = .now + (hasEnded ? silence / 4 : silence)
            } catch {
                if await giveUp(error, hasEnded, deadline) { return }
            }
            // Cancelled: the loop ends.
            if hasEnded { try? await Task.sleep(for: pause.take()) }
        }
    }

    private func outputEnds(within time: Duration) async -> Bool {
        let ended = exec.stream.ended
        do {
            try await within(time, late: CancellationError()) { try await ended.value() }
            return true
        } catch {
            return ended.isSettled
        }
    }

    /// Whether the exit is known now.
    private func ask() async throws -> Bool {
        let state = try await engine.inspectExec(exec.id)
        guard !state.isRunning, let code = state.exitCode else {
            logger.emit(.dockerExitCodeStillRunning)
            return false
        }
        guard code >= 0 else {
            logger.emit(.dockerExitCodeNegative, ["exitCode": "\(code)"])
            exit.settle(.success(.status(255)))
            return true
        }
        logger.emit(.dockerExitCode, ["exitCode": "\(code)"])
        exit.settle(await result(code))
        return true
    }

    private func giveUp(
        _ error: any Error,
        _ hasEnded: Bool,
        _ deadline: ContinuousClock.Instant
    ) async -> Bool {
        guard let error = error as? CodedError else { return true }  // Cancelled.
        if error.engineStatus == 404 {
            // The engine has forgotten the container, or begun it anew, and killed its programs
            // before that.
            await tellRestart()
            exit.settle(.failure(await trouble.reason() ?? containerEnd()))
            return true
        }
        let isFinal = hasEnded && !error.isRetryable
        guard isFinal || ContinuousClock.now > deadline else { return false }
        logger.emit(error)
        exit.settle(.failure(error))
        return true
    }

    private func tellRestart() async {
        // Only for the log: an engine in trouble needs no second report.
        let status = try? await engine.container(exec.container)?.status
        if status == .running || status == .restarting {
            logger.emit(.dockerExitCodeContainerRestarting)
        }
    }

    private func containerEnd() -> CodedError {
        let error = CodedError(.dockerContainerEnded)
        logger.emit(error, ["container": "\(exec.container)"])
        return error
    }

    private func result(_ code: Int) async -> Result<ProgramExit, any Error> {
        if code > 128, let name = sent.withLock({ $0[code - 128] }) {
            return .success(.signal(name: name, coreDumped: false, message: ""))
        }
        if code == Self.killed {
            if let reason = await trouble.reason() { return .failure(reason) }
            if await !isContainerRunning() { return .failure(containerEnd()) }
        }
        return .success(.status(UInt32(truncatingIfNeeded: code)))
    }

    /// 128 and SIGKILL.
    private static let killed = 137

    private func isContainerRunning() async -> Bool {
        do {
            return try await engine.container(exec.container)?.status == .running
        } catch {
            // An engine that goes away kills what runs on it.
            return false
        }
    }
}
