package import GatewayCore
package import Logging
package import NIOCore
import SharedLogging
package import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// Why an agent serves no more.
package enum AgentEnd: Sendable, Hashable {
    /// By `close()`.
    case closed
    /// Its stream has ended: the container is gone, or the engine.
    case lost
    /// It did not keep to the protocol, in these words for the operator.
    case violation(String)
    /// It has said nothing for too long, not even to a PING.
    case silent
}

/// What a link has to know about where its agent runs.
package struct AgentLinkOptions: Sendable {
    /// For HELLO.
    package var helloTimeout: Duration
    /// After this long without a byte of the agent's it is asked for one; after as long again it
    /// counts as gone.
    package var pulse: Duration
    /// Whose network the agent's dials belong to.
    package var network: DialNetwork
    /// For one connection that it makes.
    package var dialTimeout: Duration
    /// Asked when a program was killed, or the agent is gone: what the person is to be told then,
    /// if more is known than that. It has a time limit of its own.
    package var reason: @Sendable () async -> CodedError?

    package init(
        helloTimeout: Duration = .seconds(30),
        pulse: Duration = .seconds(30),
        network: DialNetwork = .workspace,
        dialTimeout: Duration = .seconds(60),
        reason: @escaping @Sendable () async -> CodedError? = { nil }
    ) {
        self.helloTimeout = helloTimeout
        self.pulse = pulse
        self.network = network
        self.dialTimeout = dialTimeout
        self.reason = reason
    }
}

/// The gateway's end of one agent: starts programs, writes files, forwards connections, all over
/// one stream (docs/agent-protocol.md).
///
/// Everything may be called from any task; what waits does so on the event loop and stops when it
/// is cancelled. When the agent is gone every waiting call fails with a `CodedError`, and so does
/// every later one. Whoever opens a link closes it.
package final class AgentLink: Sendable {
    package let options: AgentLinkOptions
    let eventLoop: any EventLoop
    private let waiting: LoopWaiter
    private let transport: any AgentTransport
    private let logger: Logger
    private let state: Mutex<State>
    private let ended = Latch<AgentEnd>()

    private struct State {
        var machine = AgentMachine()
        var waiters: [WaitKey: [Waiter]] = [:]
        var lastWaiter: UInt64 = 0
        /// Whether bytes came since this was last looked at.
        var hasHeard = false
        var end: AgentEnd?
        var running: Task<Void, Never>?
    }

    /// Somebody who waits for something to become possible.
    private struct Waiter {
        let number: UInt64
        /// Tries it; answers how to wake them when it is done.
        let attempt: @Sendable (inout AgentMachine) -> (@Sendable () -> Void)?
        let fail: @Sendable (any Error) -> Void
    }

    /// Greets the agent on the other end of `transport`, which the link closes in any case.
    ///
    /// Throws `AGENT_HELLO_FAILED` when it does not answer in time, or not in a version of ours.
    package static func open(
        over transport: any AgentTransport,
        on eventLoop: any EventLoop,
        options: AgentLinkOptions = AgentLinkOptions(),
        logger: Logger
    ) async throws -> AgentLink {
        let link = AgentLink(transport, eventLoop, options, logger)
        link.run()
        do {
            try await within(
                options.helloTimeout,
                late: CodedError(.agentHelloFailed, detail: "no HELLO in time"),
                { try await link.greet() }
            )
            return link
        } catch {
            await link.close()
            throw error
        }
    }

    private init(
        _ transport: any AgentTransport,
        _ eventLoop: any EventLoop,
        _ options: AgentLinkOptions,
        _ logger: Logger
    ) {
        self.transport = transport
        self.eventLoop = eventLoop
        self.options = options
        self.logger = logger
        waiting = LoopWaiter(on: eventLoop)
        state = Mutex(State())
    }

    private func greet() async throws {
        let version: UInt16
        do {
            version = try await wait(for: WaitKey(.greeting)) { machine in
                if let greeting = machine.greeting { return greeting.version }
                if let end = machine.end { throw end }
                return nil
            }
        } catch let error as CodedError {
            throw CodedError(.agentHelloFailed, detail: error.detail, cause: error)
        }
        guard version > 0 else {
            throw CodedError(.agentHelloFailed, detail: "the agent speaks no version of ours")
        }
    }

    /// The agent's process id, inside its container.
    package var process: UInt32 { state.withLock { $0.machine.greeting?.process ?? 0 } }

    /// How many programs, files, connections and listeners there are.
    var usedIDs: Int { state.withLock { $0.machine.items.count } }

    /// Waits until the agent serves no more; throws when cancelled.
    package func waitForEnd() async throws -> AgentEnd { try await ended.value() }

    /// Asks the agent for a sign of life; throws when there is none within `limit`.
    package func ping(within limit: Duration) async throws {
        let before = try change { machine in
            defer { machine.ping() }
            return machine.pongs
        }
        try await SharedWaiting.within(limit, late: AgentEnd.silent.error) {
            try await self.wait(for: WaitKey(.pong)) { machine in
                if let end = machine.end { throw end }
                return machine.pongs > before ? () : nil
            }
        }
    }

    /// Ends the agent and everything it runs, by ending its stream. Harmless when repeated.
    package func close() async {
        finish(.closed)
        await transport.close()
        await state.withLock { $0.running }?.value
    }

    /// Kills every other program and closes every connection and listener; the agent goes on.
    package func closeAll(except kept: [any Program] = []) {
        let spared = Set(kept.compactMap { ($0 as? RunningProgram)?.number })
        // A link that has ended has nothing to close.
        try? change { machine in
            for id in machine.items.keys.filter({ !spared.contains($0) }) { machine.close(id) }
        }
    }

    // MARK: - The stream

    private func run() {
        let tasks = LoopTaskExecutor(eventLoop)
        let running = Task(executorPreference: tasks) { await self.carry() }
        state.withLock { $0.running = running }
    }

    private func carry() async {
        await withTaskGroup(of: AgentEnd.self) { group in
            group.addTask { await self.carryIn() }
            group.addTask { await self.carryOut() }
            group.addTask { await self.watch() }
            finish(await group.next() ?? .lost)
            // Ends who still reads or writes.
            await transport.close()
            group.cancelAll()
        }
    }

    private func carryIn() async -> AgentEnd {
        do {
            while let bytes = try await transport.read() {
                let isBacklogged = try receive(bytes)
                if isBacklogged {
                    try await wait(for: WaitKey(.backlog)) { $0.isBacklogged ? nil : () }
                }
            }
            return .lost
        } catch let fault as AgentFault {
            return .violation("\(fault)")
        } catch {
            logger.emit(.agentLost, ["reason": "\(error)"])
            return .lost
        }
    }

    private func receive(_ bytes: ByteBuffer) throws -> Bool {
        let (isBacklogged, lines, wake) = try state.withLock { state in
            state.hasHeard = true
            try state.machine.receive(bytes)
            let wake = Self.settle(&state)
            return (state.machine.isBacklogged, state.machine.takeLog(), wake)
        }
        for one in wake { one() }
        for line in lines {
            logger.emit(.agentLog, ["level": "\(line.level)", "text": "\(line.text)"])
        }
        return isBacklogged
    }

    private func carryOut() async -> AgentEnd {
        do {
            while true {
                let frames = try await wait(for: WaitKey(.frames)) { machine in
                    let frames = machine.takeFrames()
                    return frames.isEmpty ? nil : frames
                }
                try await transport.write(frames)
            }
        } catch {
            return .lost
        }
    }

    private func watch() async -> AgentEnd {
        var isAsked = false
        while !Task.isCancelled {
            // Cancelled: the loop ends.
            try? await Task.sleep(for: options.pulse)
            let hasHeard = state.withLock { state in
                defer { state.hasHeard = false }
                return state.hasHeard
            }
            if !hasHeard, isAsked { return .silent }
            isAsked = !hasHeard
            // A link that has ended asks nobody.
            if isAsked { try? change { $0.ping() } }
        }
        return .closed
    }

    private func finish(_ end: AgentEnd) {
        let (wake, stranded) = state.withLock { state in
            guard state.end == nil else { return ([@Sendable () -> Void](), [Waiter]()) }
            state.end = end
            state.machine.finish(end.error)
            for key in state.waiters.keys { state.machine.wake(key.event, key.id) }
            let wake = Self.settle(&state)
            defer { state.waiters = [:] }
            return (wake, state.waiters.values.flatMap(\.self))
        }
        for one in wake { one() }
        for waiter in stranded { waiter.fail(end.error) }
        if case .violation(let text) = end { logger.emit(.agentViolation, ["reason": "\(text)"]) }
        ended.settle(.success(end))
    }

    // MARK: - Waiting

    /// Does something to the machine at once.
    @discardableResult
    func change<Value: Sendable>(
        _ body: (inout AgentMachine) throws -> sending Value
    ) throws -> Value {
        let (value, wake) = try state.withLock { state in
            let value = try body(&state.machine)
            return (value, Self.settle(&state))
        }
        for one in wake { one() }
        return value
    }

    /// Waits until `attempt` answers something or throws. It is called now, and whenever what
    /// `key` names may have changed.
    func wait<Value: Sendable>(
        for key: WaitKey,
        _ attempt: @escaping @Sendable (inout AgentMachine) throws -> Value?
    ) async throws -> Value {
        if let value = try change({ try attempt(&$0) }) { return value }
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return try await waiting.wait {
            register($0, number, key, attempt)
        } onCancel: {
            cancel(number, key)
        }
    }

    private func register<Value: Sendable>(
        _ continuation: CheckedContinuation<Value, any Error>,
        _ number: UInt64,
        _ key: WaitKey,
        _ attempt: @escaping @Sendable (inout AgentMachine) throws -> Value?
    ) {
        let waiter = Waiter(number: number) { machine in
            do {
                guard let value = try attempt(&machine) else { return nil }
                return { continuation.resume(returning: value) }
            } catch {
                return { continuation.resume(throwing: error) }
            }
        } fail: {
            continuation.resume(throwing: $0)
        }
        let wake = state.withLock { state -> [@Sendable () -> Void] in
            // A cancellation that came before this line found nobody to wake.
            if Task.isCancelled { return [{ waiter.fail(CancellationError()) }] }
            if let done = waiter.attempt(&state.machine) { return [done] + Self.settle(&state) }
            if let end = state.end { return [{ waiter.fail(end.error) }] }
            state.waiters[key, default: []].append(waiter)
            return Self.settle(&state)
        }
        for one in wake { one() }
    }

    private func cancel(_ number: UInt64, _ key: WaitKey) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters[key]?.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            defer { if state.waiters[key]?.isEmpty == true { state.waiters[key] = nil } }
            return state.waiters[key]?.remove(at: index)
        }
        waiter?.fail(CancellationError())
    }

    /// Lets those try again whose matter may have changed; answers how to wake who is done.
    private static func settle(_ state: inout State) -> [@Sendable () -> Void] {
        var done: [@Sendable () -> Void] = []
        while let key = state.machine.takeWoken() {
            guard let waiters = state.waiters.removeValue(forKey: key) else {
                // A sender that no longer waits leaves its turn to the next.
                if key.event == .room { state.machine.wakeBlocked() }
                continue
            }
            var rest: [Waiter] = []
            for waiter in waiters {
                if let wake = waiter.attempt(&state.machine) {
                    done.append(wake)
                } else {
                    rest.append(waiter)
                }
            }
            if !rest.isEmpty { state.waiters[key, default: []].append(contentsOf: rest) }
        }
        return done
    }
}

extension AgentEnd {
    /// What those are told who still want something.
    var error: CodedError {
        switch self {
        case .closed: CodedError(.agentClosed)
        case .lost: CodedError(.agentLost)
        case .violation(let text): CodedError(.agentViolation, detail: text)
        case .silent: CodedError(.agentSilent)
        }
    }
}
