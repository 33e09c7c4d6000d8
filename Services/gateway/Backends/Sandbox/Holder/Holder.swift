import CProcess
import DequeModule
import Glibc
import SharedMessages
import Synchronization
import SharedWaiting
import SharedSystem
import BackendMachine

/// One running sandbox: the process that holds its namespaces and the socket to its first process.
///
/// Closing the socket ends the sandbox with everything in it.
final class Holder: Sendable {
    /// A program that the sandbox's first process has been asked to start.
    struct Launch: Sendable {
        let id: UInt32
        /// Settled once it runs; with a terminal, its master.
        let started = Latch<Descriptor?>()
        /// The wait status, see wait(2).
        let exited = Latch<Int32>()
    }

    /// Something done inside the sandbox for one request.
    struct Job: Sendable {
        let id: UInt32
        /// Settled when it is done, with what it brought.
        let done = Latch<Yield>()
    }

    /// What a job hands out.
    struct Yield: Sendable {
        var descriptors: [Descriptor] = []
        var value: Int32 = 0
    }

    private enum Pending {
        case launch(Launch)
        case job(Job, Yield)
    }

    private struct State {
        var nextID: UInt32 = 1
        var pending: [UInt32: Pending] = [:]
        var isClosed = false
        var socketToken: UInt64 = 0
        var processToken: UInt64 = 0
        /// Requests for which the socket had no room: the sandbox's first process is busy.
        var unsent = Deque<Unsent>()
        var roomToken: UInt64?
    }

    private struct Unsent {
        var message: berth_message
        var descriptors: [Descriptor]
    }

    /// More than the channels of any connection ask for at a time.
    private static let mostUnsent = 4096

    /// Settled when programs can be started, or with the reason why that will never be.
    let ready = Latch<Void>()
    /// Settled when the process was reaped; then nothing of the sandbox exists any more.
    let gone = Latch<Void>()
    private let state = Mutex(State())
    private let socket: Descriptor
    private let process: Descriptor
    private let complaints: Descriptor
    private let reactor: Reactor

    /// Takes over a sandbox that has just been started; called on the reactor's thread, so that
    /// no event comes before the tokens are known.
    ///
    /// `complaints` is the file that took what the process wrote to stderr.
    init(socket: Descriptor, process: Descriptor, complaints: Descriptor, reactor: Reactor) throws {
        self.socket = socket
        self.process = process
        self.complaints = complaints
        self.reactor = reactor
        let processToken = try reactor.watch(process) { [self] in processReady() }
        let socketToken = try reactor.watch(socket) { [self] in socketReady() }
        state.withLock {
            $0.processToken = processToken
            $0.socketToken = socketToken
        }
    }

    // MARK: - Requests

    /// Asks for a program; `payload` as `berth_start` says, `streams` its three ends or none.
    func launch(payload: Descriptor, streams: [Descriptor]) throws -> Launch {
        let launch = Launch(id: try newID())
        try request(BERTH_START, launch.id, .launch(launch), [payload] + streams)
        return launch
    }

    /// Asks for a file to be written; `payload` as `berth_put_file` says.
    func putFile(payload: Descriptor) throws -> Job { try job(BERTH_PUT_FILE, payload) }

    /// Asks for a connection; `payload` as `berth_dial` says.
    func dial(payload: Descriptor) throws -> Job { try job(BERTH_DIAL, payload) }

    /// Asks for listening sockets; `payload` as `berth_listen` says.
    func listen(payload: Descriptor) throws -> Job { try job(BERTH_LISTEN, payload) }

    /// Asks for a socket's file to be removed; `payload` is its path with a NUL.
    func remove(payload: Descriptor) throws -> Job { try job(BERTH_REMOVE, payload) }

    private func job(_ kind: some BinaryInteger, _ payload: Descriptor) throws -> Job {
        let job = Job(id: try newID())
        try request(kind, job.id, .job(job, Yield()), [payload])
        return job
    }

    /// Waits for a job, which is killed when it takes longer or nobody waits any more.
    func result(of job: Job, within limit: Duration, late: CodedError) async throws -> Yield {
        do {
            return try await job.done.value(within: limit, late: late)
        } catch {
            // One that has ended needs no end.
            if !job.done.isSettled { try? signal(job.id, SignalNames.kill) }
            throw error
        }
    }

    func signal(_ id: UInt32, _ number: Int32) throws {
        try send(BERTH_SIGNAL, id, value: number, [])
    }

    /// Lets the sandbox end. `gone` is settled soon after.
    func close() {
        // Not close(2): the number must stay ours while the reactor watches it.
        _ = shutdown(socket.number, Int32(SHUT_RDWR))
        closed()
    }

    /// Ends it the hard way, for one that does not react to `close`.
    func kill() { _ = berth_pidfd_signal(process.number, SIGKILL) }

    private func newID() throws -> UInt32 {
        try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.sandboxEnded) }
            defer { state.nextID &+= 1 }
            return state.nextID
        }
    }

    private func request(
        _ kind: some BinaryInteger,
        _ id: UInt32,
        _ pending: Pending,
        _ descriptors: [Descriptor]
    ) throws {
        try state.withLock { state in
            guard !state.isClosed else { throw CodedError(.sandboxEnded) }
            state.pending[id] = pending
        }
        do {
            try send(kind, id, value: 0, descriptors)
        } catch {
            _ = state.withLock { $0.pending.removeValue(forKey: id) }
            throw error
        }
    }

    private func send(
        _ kind: some BinaryInteger,
        _ id: UInt32,
        value: Int32,
        _ descriptors: [Descriptor]
    ) throws {
        let message = berth_message(kind: UInt32(kind), id: id, value: value, reserved: 0)
        let unsent = Unsent(message: message, descriptors: descriptors)
        let error: Int32 = try state.withLock { state in
            // Behind those that wait already.
            let error = state.unsent.isEmpty ? transmit(unsent) : EAGAIN
            guard error == EAGAIN, state.unsent.count < Self.mostUnsent else { return error }
            state.unsent.append(unsent)
            if state.roomToken == nil {
                state.roomToken = try reactor.watchRoom(try socket.duplicate()) { [weak self] in
                    self?.sendUnsent()
                }
            }
            return 0
        }
        guard error == 0 else {
            throw CodedError(.sandboxEnded, detail: SystemFailure("sendmsg", error).description)
        }
    }

    /// 0 or an error number; never waits.
    private func transmit(_ unsent: Unsent) -> Int32 {
        var message = unsent.message
        let numbers = unsent.descriptors.map(\.number)
        return withExtendedLifetime(unsent.descriptors) {
            unsafe berth_send(socket.number, &message, numbers, numbers.count)
        }
    }

    // MARK: - On the reactor's thread

    private func sendUnsent() {
        let finished: UInt64? = state.withLock { state in
            while let next = state.unsent.first {
                let error = transmit(next)
                if error == EAGAIN { return nil }
                state.unsent.removeFirst()
                // A socket that fails is closed, and whoever waits is told by that.
            }
            return state.roomToken.take()
        }
        if let finished { reactor.ignore(finished) }
    }

    private func socketReady() {
        while true {
            var message = berth_message()
            var numbers = [Int32](repeating: -1, count: Int(BERTH_MAX_DESCRIPTORS))
            var count = 0
            let result = unsafe berth_receive(socket.number, &message, &numbers, &count)
            switch result {
            case 1: received(message, numbers.prefix(count).map(Descriptor.init))
            case -EAGAIN: return
            case -EBADMSG: continue
            default:
                // Only once: the end of a stream stays readable for ever.
                reactor.ignore(state.withLock { $0.socketToken })
                return closed()
            }
        }
    }

    private func received(_ message: berth_message, _ descriptors: [Descriptor]) {
        switch Int(message.kind) {
        case Int(BERTH_READY): ready.settle(.success(()))
        case Int(BERTH_STARTED): started(message, descriptors.first)
        case Int(BERTH_EXITED):
            if case .launch(let launch) = take(message.id) {
                launch.exited.settle(.success(message.value))
            }
        case Int(BERTH_DIALED), Int(BERTH_LISTENED):
            state.withLock { state in
                guard case .job(let job, _) = state.pending[message.id] else { return }
                let yield = Yield(descriptors: descriptors, value: message.value)
                state.pending[message.id] = .job(job, yield)
            }
        case Int(BERTH_DONE):
            guard case .job(let job, let yield) = take(message.id) else { return }
            job.done.settle(
                message.value == 0 ? .success(yield) : .failure(SystemFailure("", message.value))
            )
        default: break
        }
    }

    private func started(_ message: berth_message, _ terminal: Descriptor?) {
        let pending = state.withLock { $0.pending[message.id] }
        guard case .launch(let launch) = pending else { return }
        guard message.value == 0 else {
            _ = take(message.id)
            let error = SystemFailure("start", message.value)
            launch.started.settle(.failure(error))
            return launch.exited.settle(.failure(error))
        }
        launch.started.settle(.success(terminal))
    }

    private func take(_ id: UInt32) -> Pending? {
        state.withLock { $0.pending.removeValue(forKey: id) }
    }

    private func processReady() {
        var status: Int32 = 0
        guard unsafe berth_reap(process.number, &status) != 0 else { return }
        // What the init still said before it ended is in the socket.
        if !state.withLock({ $0.isClosed }) { socketReady() }
        closed()
        let tokens = state.withLock { [$0.processToken, $0.socketToken] }
        gone.settle(.success(()))
        tokens.forEach(reactor.ignore)
    }

    /// Nothing more will come: whoever waits is told.
    private func closed() {
        let (pending, room) = state.withLock { state in
            state.isClosed = true
            state.unsent = []
            defer { state.pending = [:] }
            return (Array(state.pending.values), state.roomToken.take())
        }
        if let room { reactor.ignore(room) }
        let error = CodedError(.sandboxEnded)
        for entry in pending {
            switch entry {
            case .launch(let launch):
                launch.started.settle(.failure(error))
                launch.exited.settle(.failure(error))
            case .job(let job, _): job.done.settle(.failure(error))
            }
        }
        if !ready.isSettled {
            ready.settle(.failure(CodedError(.sandboxStartFailed, detail: complaint())))
        }
    }

    /// What bubblewrap wrote to stderr.
    private func complaint() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe pread(complaints.number, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return line.isEmpty ? "ended without a word" : line
    }
}
