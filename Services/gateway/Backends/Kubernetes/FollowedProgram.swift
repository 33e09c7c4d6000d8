import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// A program whose unclear end is explained by what became of its pod.
final class FollowedProgram: Program {
    private let program: any Program
    private let follower: PodFollower
    private let logger: Logger
    private let exited = Latch<Void>()
    /// Whether a signal was sent from here.
    private let hasSignalled = Mutex(false)

    private static let signalPatience = Duration.seconds(1)

    init(_ program: any Program, follower: PodFollower, logger: Logger) {
        self.program = program
        self.follower = follower
        self.logger = logger
    }

    func nextOutput() async throws -> ProgramOutput? {
        do {
            return try await program.nextOutput()
        } catch let error as CodedError {
            throw await explained(error)
        }
    }

    var tellsInput: Bool { program.tellsInput }
    func write(_ bytes: ByteBuffer) async throws -> Bool { try await program.write(bytes) }
    func closeInput() async { await program.closeInput() }
    func closeOutput() async { await program.closeOutput() }

    func resize(_ size: WindowSize) async throws {
        logger.emit(.kubernetesExecResize)
        guard !exited.isSettled else { throw CodedError(.kubernetesProgramNotRunning) }
        try await reporting(.kubernetesExecResizeFailed) { try await program.resize(size) }
    }

    func sendBreak(milliseconds: UInt32) async throws {
        try await program.sendBreak(milliseconds: milliseconds)
    }

    func signal(_ name: String) async throws {
        guard !exited.isSettled else { throw CodedError(.kubernetesSignalFailedExited) }
        logger.emit(.kubernetesExecSignal, ["signal": "\(name)"])
        hasSignalled.withLock { $0 = true }
        try await reporting(.kubernetesExecSignalFailed) { try await program.signal(name) }
        logger.emit(.kubernetesExecSignalSuccessful, ["signal": "\(name)"])
    }

    func exit() async throws -> ProgramExit {
        do {
            let exit = try await program.exit()
            exited.settle(.success(()))
            // An agent whose pod is being removed ends its programs by signals.
            if case .signal = exit, !hasSignalled.withLock({ $0 }),
                let why = try? await follower.end.value(
                    within: Self.signalPatience,
                    late: CancellationError()
                )
            {
                throw why
            }
            return exit
        } catch let error as CodedError {
            guard !exited.isSettled else { throw error }
            throw await explained(error)
        }
    }

    func terminate() async {
        hasSignalled.withLock { $0 = true }
        await program.terminate()
    }

    private func reporting(_ code: MessageCode, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as CodedError {
            throw CodedError(code, detail: error.detail, cause: error)
        }
    }

    private func explained(_ error: CodedError) async -> any Error {
        do {
            return try await follower.reason(else: error)
        } catch {
            logger.emit(.kubernetesExitCodeFailed, ["reason": "\(error)"])
            guard let error = error as? CodedError, error.code == .agentLost else { return error }
            // The pod goes on; the agent that served this connection does not.
            return CodedError(.kubernetesStreamLost, detail: error.detail, cause: error)
        }
    }
}
