import Logging
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization
import SharedWaiting

/// Finds out how a program ended.
///
/// The engine says nothing by itself: it is asked often once the output has ended, seldom before,
/// as the output of a program that has ended may be held open by its children.
final class ExitWatch: Sendable {
    let exit = Latch<ProgramExit>()

    private let engine: EngineClient
    private let exec: ExecStarter.Exec
    private let logger: Logger
    /// Signals we have sent, by number.
    private let sent = Mutex<[Int: String]>([:])

    /// How long an engine that cannot be asked is asked again, after the output has ended.
    private static let patience = Duration.seconds(60)

    init(engine: EngineClient, exec: ExecStarter.Exec, logger: Logger) {
        self.engine = engine
        self.exec = exec
        self.logger = logger
    }

    /// A status that says "killed by this signal" will be believed from now on. Without that, 143
    /// is what a shell says when somebody else's signal ended its child, or just a number.
    func willSend(_ name: String, _ number: Int) { sent.withLock { $0[number] = name } }

    func settleAsKilled() {
        exit.settle(.success(.signal(name: "KILL", coreDumped: false, message: "")))
    }

    /// Works until the exit is known; ends early when its task is cancelled.
    func run() async {
        var pause = BackOff(from: .milliseconds(250), upTo: .seconds(5))
        var hasEnded = exec.stream.ended.isSettled
        var deadline: ContinuousClock.Instant?
        while !Task.isCancelled, !exit.isSettled {
            if !hasEnded {
                hasEnded = await outputEnds(within: pause.take())
                if hasEnded { pause = BackOff(from: .milliseconds(2), upTo: .milliseconds(500)) }
            } else {
                deadline = deadline ?? ContinuousClock.now + Self.patience
            }
            do {
                if try await ask() { return }
            } catch {
                if await giveUp(error, deadline) { return }
            }
            // Cancelled: the loop ends.
            if deadline != nil { try? await Task.sleep(for: pause.take()) }
        }
    }

    private func outputEnds(within time: Duration) async -> Bool {
        do {
            try await waitForEnd(time)
            return true
        } catch {
            return exec.stream.ended.isSettled
        }
    }

    private func waitForEnd(_ time: Duration) async throws {
        let ended = exec.stream.ended
        try await within(time, late: CancellationError()) { try await ended.value() }
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
        exit.settle(.success(result(code)))
        return true
    }

    private func giveUp(_ error: any Error, _ deadline: ContinuousClock.Instant?) async -> Bool {
        guard let error = error as? CodedError else { return true }  // Cancelled.
        if error.engineStatus == 404 {
            // The engine has forgotten the container, or begun it anew, and killed its programs
            // before that.
            await tellRestart()
            exit.settle(.success(.status(137)))
            return true
        }
        guard let deadline, ContinuousClock.now > deadline || !error.isRetryable else {
            return false
        }
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

    private func result(_ code: Int) -> ProgramExit {
        guard code > 128, let name = sent.withLock({ $0[code - 128] }) else {
            return .status(UInt32(truncatingIfNeeded: code))
        }
        return .signal(name: name, coreDumped: false, message: "")
    }
}
