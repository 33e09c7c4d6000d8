import CProcess
import Foundation
import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedWaiting
import Synchronization

/// The connection to the target, as everybody but its thread sees it.
///
/// libssh waits, so each connection has a thread; what others want of it are jobs for that thread,
/// which a bell wakes.
final class FarConnection: Sendable {
    typealias Job = @Sendable (FarSession) -> Void

    private struct State {
        var jobs: [Job] = []
        /// The thread looks at the jobs before it waits again: no bell needed.
        var isAwake = true
        var isStopping = false
        /// The thread takes no more jobs.
        var isOver = false
        /// An agent's socket in use: the one thing that can hold the thread for long.
        var agent: Int32?
    }

    let target: SSHProxyTarget
    let username: String
    /// For each step that waits for the target.
    var timeout: Duration { target.config.timeout }
    let logger: Logger
    private let state = Mutex(State())
    private let bell: Bell
    private let opened = Latch<Void>()
    private let ended = Latch<Void>()

    init(target: SSHProxyTarget, username: String, logger: Logger) throws {
        self.target = target
        self.username = username
        self.logger = logger
        bell = try Bell()
    }

    // MARK: - Life

    /// Connects and logs in; throws what hindered it, after everything was taken back.
    func open(progress: @escaping @Sendable (String) -> Void) async throws {
        guard let seat = ThreadBudget.shared.take() else { throw CodedError(.sshproxyBusy) }
        let thread = Thread { [self] in
            run(progress)
            seat.giveBack()
        }
        thread.name = "berth-sshproxy"
        thread.stackSize = Self.stackSize
        thread.start()
        do {
            try await opened.value(
                within: timeout + Self.grace,
                late: Self.lateFailure
            )
        } catch {
            stop()
            // A thread that hangs in the name server's answer has nothing that must be removed.
            await end(within: Self.grace)
            throw error
        }
    }

    /// Ends the connection; returns when that is done, at most a few seconds later.
    func close() async {
        stop()
        await end(within: Self.closingTime)
    }

    /// Waits for the thread. The calling task may be cancelled, the closing is not.
    private func end(within limit: Duration) async {
        await Task { [ended] in
            // One that is late ends by itself: there is nothing more to do for it.
            try? await ended.value(within: limit, late: TransportTimeout())
        }.value
    }

    private func stop() {
        let agent = state.withLock { state in
            state.isStopping = true
            // Under the lock, so that the number is still this socket's.
            if let agent = state.agent { shutdown(agent, Int32(SHUT_RDWR)) }
            return state.agent
        }
        _ = agent
        bell.ring()
    }

    /// libssh needs some 20 KiB; 512 KiB are set aside and not used.
    private static let stackSize = 512 << 10
    /// Beyond its deadlines the thread gets this long to notice them.
    private static let grace = Duration.seconds(2)
    /// For flushing what is left and the farewell.
    static let flushTime = Duration.seconds(2)
    private static let closingTime = flushTime + grace

    private static var lateFailure: CodedError {
        CodedError(
            .sshproxyBackendFailed,
            detail: "not connected within sshproxy.timeout",
            personText: "The target server did not answer in time."
        )
    }

    // MARK: - Jobs

    /// Has `job` run on the connection's thread; `false` when that has ended.
    func post(_ job: @escaping Job) -> Bool {
        let (isTaken, mustRing) = state.withLock { state in
            guard !state.isOver else { return (false, false) }
            state.jobs.append(job)
            defer { state.isAwake = true }
            return (true, !state.isAwake)
        }
        if mustRing { bell.ring() }
        return isTaken
    }

    /// On the thread: the jobs so far.
    func takeJobs() -> [Job] {
        state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
    }

    /// On the thread, before it waits; `false` when there is something to do.
    func fallAsleep() -> Bool {
        state.withLock { state in
            guard state.jobs.isEmpty, !state.isStopping else { return false }
            state.isAwake = false
            return true
        }
    }

    /// On the thread, after it waited.
    func wakeUp() { state.withLock { $0.isAwake = true } }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    // MARK: - The thread

    private func run(_ progress: (String) -> Void) {
        do {
            serve(try connect(progress))
        } catch {
            state.withLock { $0.isOver = true }
            opened.settle(.failure(error))
        }
        // Nobody holds the session any more, so that the socket is closed.
        ended.settle(.success(()))
    }

    private func serve(_ session: consuming FarSession) {
        opened.settle(.success(()))
        session.serve()
        let late = state.withLock { state in
            state.isOver = true
            defer { state.jobs = [] }
            return state.jobs
        }
        // They find the session over and say so.
        for job in late { job(session) }
        session.close()
    }

    private func connect(_ progress: (String) -> Void) throws -> FarSession {
        let end = ContinuousClock.now + timeout
        let opening = FarOpening(
            target: target,
            username: username,
            bell: bell.number,
            end: end,
            logger: logger,
            isStopping: { self.isStopping },
            usesAgent: { agent in self.state.withLock { $0.agent = agent } }
        )
        let transport = try opening.run(progress)
        return FarSession(transport: transport, connection: self)
    }
}

/// Wakes a thread that waits for it among descriptors.
final class Bell: Sendable {
    let number: Int32

    init() throws {
        number = berth_bell_create()
        guard number >= 0 else {
            throw CodedError(.sshproxyBackendFailed, detail: "eventfd: errno \(-number)")
        }
    }

    deinit { close(number) }

    /// Fails only for a bell that has been rung 2⁶⁴ times.
    func ring() { _ = berth_bell_ring(number) }
}
