import DequeModule
import GatewayCore
import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// The connection to the target on its thread: jobs in, messages out and in, channels to their
/// owners. Nothing else may touch it.
final class FarSession {
    private let transport: Transport
    private let connection: FarConnection
    let logger: Logger
    private var machine = ConnectionMachine(
        role: .client,
        limits: ConnectionLimits(channels: FarSession.channelLimit)
    )
    private var channels: [UInt32: FarChannel] = [:]
    private var numbers: [ObjectIdentifier: UInt32] = [:]
    private var openings: [UInt32: Opening] = [:]
    private var requestReplies: [UInt32: Deque<Reply>] = [:]
    private var listeners: [FarListener] = []
    private var globalReplies = Deque<(GlobalReply?) -> Void>()
    private var writes: [UInt64: (channel: FarChannel, count: Int)] = [:]
    private var lastTicket: UInt64 = 0
    private var pulse: Pulse
    /// Why there is no connection any more.
    private var loss: CodedError?

    /// The target's answer; `nil` when none can come any more.
    typealias Reply = (Bool?) -> Void

    private struct Opening {
        var channel: FarChannel
        var answer: (Result<Void, any Error>) -> Void
    }

    /// As many as OpenSSH's client has; each holds at most its window.
    private static let channelLimit = 1024
    /// What is handed to libssh at once; it queues what the socket does not take.
    private static let burst = 128 << 10

    init(transport: Transport, connection: FarConnection) {
        self.transport = transport
        self.connection = connection
        logger = connection.logger
        pulse = Pulse(limit: connection.timeout)
    }

    // MARK: - The loop

    /// Works until the connection is lost or shall end.
    func serve() {
        while loss == nil, !connection.isStopping {
            for job in connection.takeJobs() { job(self) }
            send()
            takePulse()
            let isIdle = connection.fallAsleep() && !canSend
            _ = transport.wait(until: isIdle ? pulse.due : .now)
            connection.wakeUp()
            receive()
            if loss == nil, !transport.isConnected { lost(farewellText) }
        }
    }

    /// Sends what is left and the farewell, for a short time, and says so to everybody who waits.
    func close() {
        logger.emit(.sshproxyBackendDisconnecting)
        let end = ContinuousClock.now + FarConnection.flushTime
        flush(until: end)
        let isFlushed = loss != nil || !hasUnsent
        let reason = loss
        lost(nil)
        if transport.isConnected, isFlushed {
            transport.disconnect()
            while transport.isConnected, transport.isWritePending, ContinuousClock.now < end {
                _ = transport.wait(until: end)
            }
        }
        if !isFlushed || transport.isConnected && transport.isWritePending {
            logger.emit(.sshproxyBackendDisconnectFailed)
        }
        logger.emit(
            .sshproxyBackendDisconnected,
            reason.map { ["reason": "\($0.detail)"] } ?? [:]
        )
    }

    private func flush(until end: ContinuousClock.Instant) {
        while loss == nil, transport.isConnected, hasUnsent, ContinuousClock.now < end {
            send()
            _ = transport.wait(until: canSend ? .now : end)
            receive()
        }
    }

    private var canSend: Bool {
        !transport.isWritePending && machine.hasOutgoing(dataAllowed: true)
    }

    private var hasUnsent: Bool {
        transport.isWritePending || machine.hasOutgoing(dataAllowed: true)
    }

    private func send() {
        guard loss == nil, !transport.isWritePending else { return }
        var count = 0
        while let message = machine.nextOutgoing(dataAllowed: count < Self.burst) {
            let payload = message.payload
            count += payload.readableBytes
            guard transport.send(payload) else { return lost(farewellText) }
        }
        settleWrites()
    }

    private func settleWrites() {
        for write in machine.takeSettledWrites() {
            guard let (channel, count) = writes.removeValue(forKey: write.ticket) else { continue }
            channel.wrote(count)
        }
    }

    private func receive() {
        while loss == nil, let message = transport.nextMessage() {
            pulse.heard()
            handle(machine.received(message))
        }
        settleWrites()
    }

    /// Asks a target that has been silent whether it is there, and gives up on one that stays so.
    private func takePulse() {
        switch pulse.check() {
        case .fine: break
        case .ask:
            askGlobally(
                GlobalRequest(
                    type: "keepalive@openssh.com",
                    payload: ByteBuffer(),
                    wantsReply: true
                )
            ) { _ in }
            send()
        case .dead: lost("the target no longer answers")
        }
    }

    private var farewellText: String {
        if let farewell = transport.farewell {
            return "the target hung up (reason \(farewell.reason)): \(farewell.text)"
        }
        let text = transport.errorText
        return text.isEmpty ? "the target closed the connection" : text
    }

    // MARK: - Loss

    /// Ends everything; `nil` when that was wanted.
    private func lost(_ detail: String?) {
        guard loss == nil else { return }
        let said = detail == nil ? nil : transport.farewell?.text
        let error = CodedError(
            detail == nil ? .sshproxyShuttingDown : .sshproxyBackendDisconnected,
            detail: detail ?? "",
            personText: said.map { "The target server ended the connection: \($0)" }
        )
        loss = error
        for opening in openings.values { opening.answer(.failure(error)) }
        openings = [:]
        for reply in requestReplies.values.joined() { reply(nil) }
        requestReplies = [:]
        for reply in globalReplies { reply(nil) }
        globalReplies = []
        writes = [:]
        for channel in channels.values { lost(channel, error, isWanted: detail == nil) }
        channels = [:]
        numbers = [:]
        for listener in listeners { listener.connectionEnded() }
        listeners = []
    }

    private func lost(_ channel: FarChannel, _ error: CodedError, isWanted: Bool) {
        if case .session(let hasTerminal) = channel.kind, !isWanted {
            logBreak(of: channel)
            if !channel.exit.isSettled {
                let line = personText(error.code, error.personText)
                channel.received(
                    ByteBuffer(string: hasTerminal ? "\r\n" + line + "\r\n" : line + "\n"),
                    hasTerminal ? .stdout : .stderr
                )
            }
        }
        channel.closed(error)
    }

    private func logBreak(of channel: FarChannel) {
        if !channel.isInputOver {
            logger.emit(.sshproxyStdoutError)
            logger.emit(.sshproxyStderrError)
        }
        if channel.isOutputOpen { logger.emit(.sshproxyStdinError) }
    }

    // MARK: - Events

    private func handle(_ event: ConnectionEvent) {
        switch event {
        case .nothing: break
        case .data(let number, let stream, let bytes): received(number, stream, bytes)
        case .eof(let number): receivedEOF(number)
        case .closed(let number): receivedClose(number)
        case .request(let number, let request): received(number, request)
        case .requestAnswered(let number, let success):
            requestReplies[number]?.popFirst()?(success)
        case .opened(let number): receivedConfirmation(number)
        case .openRefused(let number, let reason, let text): refused(number, reason, text)
        case .globalRequest: machine.answerGlobalRequest(.failure)
        case .globalAnswered(let reply): globalReplies.popFirst()?(reply)
        case .unsupportedOpen: machine.acknowledgeRefusedOpen()
        case .malformedOpen(let type, _):
            machine.acknowledgeRefusedOpen()
            logger.emit(.sshproxyUnmarshalFailed, ["type": "\(type)"])
        case .openRequested(let number, let opening): requested(number, opening)
        case .violation(let text): lost("the target broke the protocol: \(text)")
        }
    }

    private func received(_ number: UInt32, _ stream: UInt32?, _ bytes: ByteBuffer) {
        guard let channel = channels[number] else {
            machine.consumed(number, bytes.readableBytes)
            return
        }
        channel.received(bytes, stream == nil ? .stdout : .stderr)
    }

    private func receivedEOF(_ number: UInt32) {
        guard let channel = channels[number] else { return }
        if case .session = channel.kind {
            logger.emit(.sshproxyStdoutComplete)
            logger.emit(.sshproxyStderrComplete)
        }
        channel.receivedEOF()
    }

    private func receivedClose(_ number: UInt32) {
        for reply in requestReplies.removeValue(forKey: number) ?? [] { reply(nil) }
        guard let channel = channels.removeValue(forKey: number) else { return }
        numbers[ObjectIdentifier(channel)] = nil
        if case .session = channel.kind {
            logger.emit(.sshproxyBackendSessionClosed)
            logger.emit(.sshproxySessionClosed)
        }
        settleWrites()
        channel.closed(
            CodedError(
                .sshproxyBackendSessionClosed,
                detail: "the target did not say how the program ended"
            )
        )
    }

    private func received(_ number: UInt32, _ request: ChannelRequest) {
        defer { machine.answerRequest(number, success: false) }
        guard request.type == "exit-status" || request.type == "exit-signal" else { return }
        let isStatus = request.type == "exit-status"
        guard let exit = ProgramExit(request) else {
            logger.emit(
                isStatus ? .sshproxyExitStatusDecodeFailed : .sshproxyExitSignalDecodeFailed
            )
            return
        }
        logger.emit(isStatus ? .sshproxyExitStatus : .sshproxyExitSignal)
        channels[number]?.exit.settle(.success(exit))
    }

    private func receivedConfirmation(_ number: UInt32) {
        guard let opening = openings.removeValue(forKey: number) else {
            // Nobody wants it any more.
            _ = machine.enqueue(number, .close)
            return
        }
        channels[number] = opening.channel
        opening.answer(.success(()))
    }

    private func refused(_ number: UInt32, _ reason: UInt32, _ text: String) {
        guard let opening = openings.removeValue(forKey: number) else { return }
        numbers[ObjectIdentifier(opening.channel)] = nil
        opening.answer(.failure(FarRefusal(reason: reason, text: Farewell.printable(text))))
    }
}

// MARK: - Channels that the target opens

extension FarSession {
    private func requested(_ number: UInt32, _ opening: ChannelOpening) {
        // Which display or agent is meant the target does not say: the latest.
        guard case .fromServer(let opening) = opening,
            let listener = listeners.last(where: { $0.takes(opening) })
        else { return refuse(number, "not asked for") }
        let channel = FarChannel(.stream, connection: connection, loop: listener.loop)
        let stream = AcceptedStream(
            stream: SSHProxyStream(channel: channel),
            originator: opening.originator
        )
        // Before the offer: whoever takes it may write at once.
        channels[number] = channel
        numbers[ObjectIdentifier(channel)] = number
        guard machine.acceptOpen(number) else { return }
        guard !listener.offer(stream) else { return }
        logger.emit(.sshproxyBackendForwardFailed, ["reason": "too many connections wait"])
        _ = close(channel)
    }

    private func refuse(_ number: UInt32, _ text: String) {
        logger.emit(.sshproxyBackendForwardFailed, ["reason": "\(text)"])
        machine.refuseOpen(number, .administrativelyProhibited, text: text)
    }

    /// From now on the listener gets what the target opens for its place.
    func register(_ listener: FarListener) { listeners.append(listener) }

    /// `false` when it was not registered.
    func unregister(_ listener: FarListener) -> Bool {
        let count = listeners.count
        listeners.removeAll { $0 === listener }
        return listeners.count < count
    }
}

extension ServerChannelOpening {
    fileprivate var originator: (host: String, port: UInt16)? {
        switch self {
        case .forwardedTCP(_, _, let origin), .x11(let origin):
            (origin.host, UInt16(truncatingIfNeeded: origin.port))
        case .forwardedUnixSocket, .agent: nil
        }
    }
}

// MARK: - Jobs

extension FarSession {
    /// Asks the target for a channel.
    func open(
        _ channel: FarChannel,
        type: String,
        payload: ByteBuffer,
        answer: @escaping (Result<Void, any Error>) -> Void
    ) {
        if let loss { return answer(.failure(loss)) }
        let number = machine.open(type: type, payload: payload)
        numbers[ObjectIdentifier(channel)] = number
        openings[number] = Opening(channel: channel, answer: answer)
    }

    /// Nobody waits for the opening any more.
    func abandon(_ channel: FarChannel) {
        guard let number = numbers[ObjectIdentifier(channel)] else { return }
        if openings.removeValue(forKey: number) != nil {
            numbers[ObjectIdentifier(channel)] = nil
        } else {
            _ = close(channel)
        }
    }

    /// Sends a request; `reply` is called with the target's answer, at once if none is wanted.
    func request(_ channel: FarChannel, _ request: ChannelRequest, _ reply: @escaping Reply) {
        guard let number = numbers[ObjectIdentifier(channel)],
            machine.sendRequest(number, request)
        else { return reply(nil) }
        guard request.wantsReply else { return reply(true) }
        requestReplies[number, default: []].append(reply)
    }

    /// Asks the target something about the connection.
    func askGlobally(_ request: GlobalRequest, _ reply: @escaping (GlobalReply?) -> Void) {
        guard loss == nil else { return reply(nil) }
        machine.sendGlobalRequest(request)
        globalReplies.append(reply)
    }

    func write(_ channel: FarChannel, _ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        guard let number = numbers[ObjectIdentifier(channel)] else { return channel.wrote(count) }
        lastTicket += 1
        guard machine.enqueue(number, .data(bytes, .stdout, ticket: lastTicket)) else {
            return channel.wrote(count)
        }
        writes[lastTicket] = (channel, count)
    }

    /// `false` when the channel is gone.
    func sendEOF(_ channel: FarChannel) -> Bool {
        guard let number = numbers[ObjectIdentifier(channel)] else { return false }
        return machine.enqueue(number, .eof)
    }

    /// Closes the channel; what was not sent yet goes first, unless it is dropped. `false` when the
    /// channel is gone.
    func close(_ channel: FarChannel, dropsUnsent: Bool = true) -> Bool {
        guard let number = numbers[ObjectIdentifier(channel)] else { return false }
        guard dropsUnsent else { return machine.enqueue(number, .close) }
        for (ticket, write) in writes where write.channel === channel {
            machine.withdraw(number, ticket: ticket)
            writes[ticket] = nil
            channel.wrote(write.count)
        }
        return machine.enqueue(number, .close)
    }

    func consumed(_ channel: FarChannel, _ count: Int) {
        guard let number = numbers[ObjectIdentifier(channel)] else { return }
        machine.consumed(number, count)
    }
}

/// The target does not open a channel (RFC 4254 §5.1).
struct FarRefusal: Error, Sendable, CustomStringConvertible {
    var reason: UInt32
    var text: String

    var description: String { "reason \(reason): \(text)" }
}
