import GuestAgent
import Logging
import NIOCore
import SharedDocker
import SharedLogging
import SharedMessages
import Synchronization

/// A forwarding agent of an image, beside the container's first process.
final class ForwardExec: AgentTransport {
    private let exec: ExecStarter.Exec
    private let execs: ExecStarter
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        /// Taken from the end.
        var first: [EngineStream.Piece]
        /// How much more of what it says goes to the log.
        var words = 64 << 10
        var ending: Task<Void, Never>?
    }

    private static let longestLine = 8 << 10
    /// For an agent to end by itself when its input has.
    private static let grace = Duration.seconds(1)
    /// The status of one that was.
    private static let killed = 137

    private init(_ exec: ExecStarter.Exec, _ execs: ExecStarter, _ logger: Logger) {
        self.exec = exec
        self.execs = execs
        self.logger = logger
        state = Mutex(State(first: exec.first.reversed()))
    }

    /// Starts one. Throws `DOCKER_FORWARDING_FAILED`.
    static func start(
        _ agent: ImageAgent,
        _ execs: ExecStarter,
        _ logger: Logger
    ) async throws -> ForwardProcess {
        do {
            let exec = try await execs.start(
                [agent.path, "forward-server"],
                environment: [],
                terminal: nil
            )
            let transport = ForwardExec(exec, execs, logger)
            return ForwardProcess(
                transport: transport,
                eventLoop: exec.stream.eventLoop,
                end: { await transport.end() }
            )
        } catch let error as CodedError {
            logger.emit(.dockerAgentFailed, ["reason": "\(error)"])
            throw CodedError(.dockerForwardingFailed, detail: error.detail, cause: error)
        }
    }

    func read() async throws -> ByteBuffer? {
        while let piece = try await next() {
            if piece.output == .stdout { return piece.bytes }
            report(piece.bytes)
        }
        return nil
    }

    private func next() async throws -> EngineStream.Piece? {
        if let piece = state.withLock({ $0.first.popLast() }) { return piece }
        return try await exec.stream.next()
    }

    private func report(_ bytes: ByteBuffer) {
        let isWanted = state.withLock { state in
            state.words -= bytes.readableBytes
            return state.words > 0
        }
        guard isWanted else { return }
        let text = String(decoding: bytes.readableBytesView.prefix(Self.longestLine), as: UTF8.self)
        logger.emit(.dockerAgentLog, ["text": "\(text)"])
    }

    func write(_ pieces: [ByteBuffer]) async throws { try await exec.stream.send(pieces).get() }

    func close() async { await exec.stream.close() }

    /// Sees to it that it does not run any more. Those of ContainerSSH stay when nobody talks to
    /// them.
    private func end() async {
        let task = state.withLock { state in
            let task = state.ending ?? Task { await self.finish() }
            state.ending = task
            return task
        }
        await task.value
    }

    private func finish() async {
        await exec.stream.close()
        do {
            let status = try await endStatus()
            guard status != 0, status != Self.killed else { return }
            logger.emit(.dockerAgentFailed, ["exitCode": "\(status)"])
        } catch let error as CodedError where [404, 409].contains(error.engineStatus) {
            // The container is gone, and all that ran in it.
        } catch {
            logger.emit(.dockerAgentFailed, ["reason": "\(error)"])
        }
    }

    /// Of an agent whose input has ended; one that goes on all the same is killed.
    private func endStatus() async throws -> Int {
        if let status = try await status(within: Self.grace) { return status }
        do {
            try await execs.signal("KILL", process: exec.process)
        } catch {
            // One that has ended meanwhile cannot be killed.
            guard let status = try await status(within: Self.grace) else { throw error }
            return status
        }
        return try await status(within: Self.grace) ?? Self.killed
    }

    /// `nil`: it still runs.
    private func status(within limit: Duration) async throws -> Int? {
        var pause = BackOff(from: .milliseconds(5), upTo: .milliseconds(100))
        let end = ContinuousClock.now + limit
        while true {
            let state = try await execs.engine.inspectExec(exec.id)
            if !state.isRunning { return state.exitCode ?? 0 }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: pause.take())
        }
    }
}
