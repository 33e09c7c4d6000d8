import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// The gateway's end of one forwarding agent: a program in a container that connects, or accepts
/// connections, for us.
///
/// The protocol is ContainerSSH's (`docs/agent-protocol.md`): no windows and no half-close. A
/// connection that is not read holds up the others of its agent, and no others.
final class ForwardLink: Sendable {
    private let process: ForwardProcess
    private let options: ForwardOptions
    private let logger: Logger
    private let outbox = ForwardOutbox()
    private let isSetUp = Latch<Void>()
    /// `nil` for an agent that connects for us.
    private let accepts: ForwardAccepts?
    private let state = Mutex(State())
    let ended = Latch<CodedError>()
    /// Settled when the agent accepts no more connections.
    private let silenced = Latch<Void>()

    private struct State {
        var connections: [UInt64: ForwardConnection] = [:]
        var lastID: UInt64 = 0
        var end: CodedError?
        /// NO_MORE_CONNECTIONS was said by either side.
        var isClosing = false
        /// When a connection that is not read began to hold up the others.
        var heldUp: ContinuousClock.Instant?
        var running: Task<Void, Never>?
    }

    private static let mostConnections = 1024
    private static let patience = Duration.seconds(1)
    /// No connection has this id: it asks an agent for what it refuses in any case.
    private static let probe = UInt64.max >> 1
    /// ContainerSSH's own agents send and take so much at a time.
    private static let longestPayload = 32 << 10

    /// Sets an agent up; the link ends the process in any case. What it accepts goes to
    /// `accepts`.
    ///
    /// Throws a `CodedError` when the agent refuses, or says nothing in time.
    static func open(
        _ process: ForwardProcess,
        _ setup: ForwardSetup,
        accepts: ForwardAccepts? = nil,
        _ options: ForwardOptions,
        _ logger: Logger
    ) async throws -> ForwardLink {
        let link = ForwardLink(process, accepts, options, logger)
        link.run()
        do {
            try await link.setUp(setup)
            return link
        } catch {
            await link.close()
            throw error
        }
    }

    private init(
        _ process: ForwardProcess,
        _ accepts: ForwardAccepts?,
        _ options: ForwardOptions,
        _ logger: Logger
    ) {
        self.process = process
        self.options = options
        self.logger = logger
        self.accepts = accepts
    }

    private func setUp(_ setup: ForwardSetup) async throws {
        outbox.post(setup.packet)
        try await isSetUp.value(
            within: options.timeout,
            late: CodedError(.agentHelloFailed, detail: "no answer in time")
        )
        guard case .listen = setup else { return }
        // ContainerSSH's agent says yes before it tries, and ends when it could not.
        let failure = try? await ended.value(within: options.bindTime, late: CancellationError())
        try Task.checkCancellation()
        if let failure { throw failure }
    }

    // MARK: - The stream

    private func run() {
        let tasks = LoopTaskExecutor(process.eventLoop)
        let running = Task(executorPreference: tasks) { await self.carry() }
        state.withLock { $0.running = running }
    }

    private func carry() async {
        await withTaskGroup(of: CodedError.self) { group in
            group.addTask { await self.carryIn() }
            group.addTask {
                do {
                    try await self.outbox.carry(to: self.process.transport)
                } catch {
                    return CodedError(.agentLost, detail: "\(error)")
                }
                return CodedError(.agentClosed)
            }
            finish(await group.next() ?? CodedError(.agentLost))
            group.cancelAll()
            await process.transport.close()
        }
        await process.end()
    }

    private func carryIn() async -> CodedError {
        var decoder = ForwardDecoder()
        do {
            while let bytes = try await process.transport.read() {
                decoder.add(bytes)
                while let packet = try decoder.next() {
                    guard let room = try receive(packet) else { continue }
                    state.withLock { $0.heldUp = .now }
                    try await room.value()
                    state.withLock { $0.heldUp = nil }
                }
            }
            return CodedError(.agentLost)
        } catch let fault as ForwardFault {
            return CodedError(.agentViolation, detail: "\(fault)")
        } catch {
            return CodedError(.agentLost, detail: "\(error)")
        }
    }

    private func finish(_ error: CodedError) {
        let connections: [ForwardConnection]? = state.withLock { state in
            guard state.end == nil else { return nil }
            state.end = error
            defer { state.connections = [:] }
            return Array(state.connections.values)
        }
        guard let connections else { return }
        if error.code == .agentViolation {
            logger.emit(.agentViolation, ["reason": "\(error.detail)"])
        }
        isSetUp.settle(.failure(error))
        for connection in connections {
            _ = connection.move(from: [.asked, .abandoned, .offered, .open, .closing], to: .over)
            connection.opened.settle(.failure(error))
            connection.queue.finish()
        }
        accepts?.finish(self)
        silenced.settle(.success(()))
        outbox.fail(error)
        ended.settle(.success(error))
    }

    // MARK: - What the agent says

    /// What is answered has to be waited for before the next packet.
    private func receive(_ packet: ForwardPacket) throws(ForwardFault) -> Latch<Void>? {
        switch packet.kind {
        case ForwardPacket.success where packet.id == 0: isSetUp.settle(.success(()))
        case ForwardPacket.error where packet.id == 0:
            isSetUp.settle(.failure(CodedError(.agentListenFailed, detail: "the agent refuses")))
        case ForwardPacket.setup: throw .invalid("a SETUP")
        case ForwardPacket.success: succeeded(packet.id)
        case ForwardPacket.error: refused(packet.id)
        case ForwardPacket.data:
            guard let connection = connection(packet.id), connection.stage == .open else { break }
            connection.heard()
            return connection.queue.add(packet.payload)
        case ForwardPacket.newConnection: try offered(packet)
        case ForwardPacket.closeConnection: try closed(packet.id)
        case ForwardPacket.noMoreConnections:
            state.withLock { $0.isClosing = true }
            accepts?.finish(self)
        // Of a later version: not for us.
        default: break
        }
        return nil
    }

    private func connection(_ id: UInt64) -> ForwardConnection? {
        state.withLock { $0.connections[id] }
    }

    private func forget(_ id: UInt64) { state.withLock { $0.connections[id] = nil } }

    private func succeeded(_ id: UInt64) {
        guard let connection = connection(id) else { return }
        if connection.move(from: [.asked], to: .open) {
            connection.opened.settle(.success(()))
        } else if connection.move(from: [.abandoned], to: .closing) {
            outbox.post(ForwardPacket.encode(ForwardPacket.closeConnection, id))
        } else if connection.move(from: [.closing], to: .over) {
            forget(id)
        }
    }

    private func refused(_ id: UInt64) {
        if id == Self.probe { silenced.settle(.success(())) }
        guard let connection = connection(id) else { return }
        let all: [ForwardConnection.Stage] = [.asked, .abandoned, .offered, .open, .closing]
        guard connection.move(from: all, to: .over) else { return }
        forget(id)
        connection.opened.settle(
            .failure(CodedError(.agentDialFailed, detail: "the agent could not connect"))
        )
        connection.queue.finish()
    }

    private func offered(_ packet: ForwardPacket) throws(ForwardFault) {
        guard let accepts else { return try answer(ForwardPacket.error, packet.id) }
        let origin = try ForwardOrigin(packet.payload)
        let connection = ForwardConnection(id: packet.id, origin: origin, on: process.eventLoop)
        let isNew = state.withLock { state in
            // An id that was given before is not looked at; so says the protocol.
            guard packet.id > state.lastID else { return nil as Bool? }
            state.lastID = packet.id
            guard !state.isClosing, state.connections.count < Self.mostConnections else {
                return false
            }
            state.connections[packet.id] = connection
            return true
        }
        guard let isNew else { return }
        if isNew, accepts.add(ForwardStream(connection, self)) { return }
        forget(packet.id)
        try answer(ForwardPacket.error, packet.id)
    }

    private func closed(_ id: UInt64) throws(ForwardFault) {
        guard let connection = connection(id) else { return }
        let all: [ForwardConnection.Stage] = [.asked, .abandoned, .offered, .open, .closing]
        guard connection.move(from: all, to: .over) else { return }
        forget(id)
        connection.opened.settle(.failure(CodedError(.agentDialFailed, detail: "closed at once")))
        connection.queue.finish()
        try answer(ForwardPacket.success, id)
    }

    private func answer(_ kind: UInt64, _ id: UInt64) throws(ForwardFault) {
        guard outbox.post(ForwardPacket.encode(kind, id)) else {
            throw .invalid("answers are not read")
        }
    }

    // MARK: - Connections

    /// Whether connections can be asked for, and are not held up by one that is not read.
    var isUsable: Bool {
        state.withLock { state in
            guard state.end == nil, !state.isClosing else { return false }
            return state.heldUp.map { .now - $0 < Self.patience } ?? true
        }
    }

    /// Connects to a place; gives it up when cancelled.
    func dial(_ place: ForwardPlace) async throws -> ForwardStream {
        let connection = try state.withLock { state in
            if let end = state.end { throw end }
            guard state.connections.count < Self.mostConnections else {
                throw CodedError(.agentDialFailed, detail: "too many things at a time")
            }
            state.lastID += 1
            let connection = ForwardConnection(id: state.lastID, on: process.eventLoop)
            let request = ForwardPacket.encode(
                ForwardPacket.newConnection,
                state.lastID,
                ForwardOrigin.request(place)
            )
            // Under the lock: ids have to arrive in order.
            guard outbox.post(request) else {
                throw CodedError(.agentDialFailed, detail: "the agent does not read")
            }
            state.connections[state.lastID] = connection
            return connection
        }
        do {
            try await connection.opened.value(
                within: options.timeout,
                late: CodedError(.agentDialFailed, detail: "no answer in time")
            )
            return ForwardStream(connection, self)
        } catch {
            // Not closed before it is known: the agent may not know the id any more.
            if !connection.move(from: [.asked], to: .abandoned) { close(connection) }
            throw error
        }
    }

    /// Accepts a connection that the agent has offered; `false`: it is gone.
    func take(_ connection: ForwardConnection) -> Bool {
        guard connection.move(from: [.offered], to: .open) else { return false }
        outbox.post(ForwardPacket.encode(ForwardPacket.success, connection.id))
        return true
    }

    func send(_ bytes: ByteBuffer, on connection: ForwardConnection) async throws {
        guard connection.stage == .open else { throw StreamClosed() }
        var bytes = bytes
        var packets: [ByteBuffer] = []
        while let piece = bytes.readSlice(
            length: min(bytes.readableBytes, Self.longestPayload)
        ), piece.readableBytes > 0 {
            packets.append(ForwardPacket.encode(ForwardPacket.data, connection.id, piece))
        }
        try await outbox.send(packets)
    }

    /// Ends our direction. The protocol ends both or none: it is done once the other side has said
    /// nothing for a while.
    func endWriting(_ connection: ForwardConnection) {
        guard connection.stage == .open else { return }
        _ = connection.takeHeard()
        let timer = process.eventLoop.scheduleTask(in: TimeAmount(options.linger)) { [weak self] in
            guard let self else { return }
            if connection.takeHeard() { return endWriting(connection) }
            guard connection.move(from: [.open], to: .closing) else { return }
            outbox.post(ForwardPacket.encode(ForwardPacket.closeConnection, connection.id))
            connection.queue.finish()
        }
        connection.lingers(timer)
    }

    /// Drops a connection.
    func close(_ connection: ForwardConnection) {
        if connection.move(from: [.open], to: .closing) {
            outbox.post(ForwardPacket.encode(ForwardPacket.closeConnection, connection.id))
        } else if connection.move(from: [.offered], to: .over) {
            forget(connection.id)
            outbox.post(ForwardPacket.encode(ForwardPacket.error, connection.id))
        }
        connection.queue.discard()
    }

    // MARK: - The end

    /// Accepts no more connections; those there are go on. Returns when nobody can connect.
    func stopAccepting() async {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing && state.end == nil
        }
        guard isFirst else { return }
        outbox.post(ForwardPacket.encode(ForwardPacket.noMoreConnections))
        // Nothing says that the listener is closed: a connection asked of the wrong side is
        // refused in any case, and after that it is. An agent without connections ends instead.
        let request = ForwardOrigin.request(.tcp(host: "", port: 0))
        outbox.post(ForwardPacket.encode(ForwardPacket.newConnection, Self.probe, request))
        // An agent that does not answer has been told all the same.
        try? await silenced.value(within: options.timeout, late: CancellationError())
    }

    /// Ends the agent and all its connections. Harmless when repeated.
    func close() async {
        finish(CodedError(.agentClosed))
        await process.transport.close()
        await state.withLock { $0.running }?.value
    }
}
