import DequeModule
package import NIOCore

/// The connection protocol (RFC 4254) of one peer: channels, windows, requests and their order.
///
/// No I/O, no clock: what arrived goes in by `received(_:)`, what shall be sent comes out of
/// `nextOutgoing(dataAllowed:)`. Both roles are in one type, since both may open channels.
package struct ConnectionMachine {
    let role: TransportRole
    let limits: ConnectionLimits
    var channels: [UInt32: ChannelState] = [:]
    /// Replies and other messages that no window holds back.
    var control = Deque<ConnectionMessage>()
    /// Channels that have something to send now, in turn.
    var sendable = Deque<UInt32>()
    /// Writes that are through or will never be, for the shell to resume their writers.
    var settled: [SettledWrite] = []
    var globalReplies = GlobalReplyQueue()
    /// Global requests of ours that the peer has not answered.
    var unansweredGlobalRequests = 0
    /// Questions about connection matters that the shell has not answered.
    var openQuestions = 0
    var sessionsForbidden = false
    /// Server: the keys that the client was told and may want proof of.
    var hostKeys: HostKeyAnnouncement?
    /// Keepalives of the peer.
    package internal(set) var keepalivesReceived = 0
    private var nextNumber: UInt32 = 0

    package init(role: TransportRole, limits: ConnectionLimits = ConnectionLimits()) {
        self.role = role
        self.limits = limits
    }

    /// How many channels exist, those that are being opened included.
    package var channelCount: Int { channels.count }

    /// How many replies and other messages wait that no window holds back.
    var repliesQueued: Int { control.count }

    /// Handles one decrypted message with a number from 80 to 127.
    package mutating func received(_ payload: ByteBuffer) -> ConnectionEvent {
        guard let message = ConnectionMessage(parsing: payload) else {
            return .violation("malformed connection protocol message")
        }
        guard control.count <= limits.queuedReplies else {
            return .violation("too many requests while replies cannot be sent")
        }
        switch message {
        case .globalRequest(let type, let wantsReply, let payload):
            return receivedGlobalRequest(
                GlobalRequest(type: type, payload: payload, wantsReply: wantsReply)
            )
        case .requestSuccess(let payload):
            return receivedGlobalReply(.success(payload))
        case .requestFailure:
            return receivedGlobalReply(.failure)
        case .channelOpen(let open):
            return receivedOpen(open)
        default:
            return receivedOnChannel(message)
        }
    }

    /// Hands over what an earlier call has settled; empties the list.
    package mutating func takeSettledWrites() -> [SettledWrite] {
        guard !settled.isEmpty else { return [] }
        defer { settled = [] }
        return settled
    }

    mutating func allocateNumber() -> UInt32 {
        while channels[nextNumber] != nil { nextNumber &+= 1 }
        defer { nextNumber &+= 1 }
        return nextNumber
    }
}

// MARK: - Messages that belong to a channel

extension ConnectionMachine {
    private mutating func receivedOnChannel(_ message: ConnectionMessage) -> ConnectionEvent {
        guard let number = message.recipient, channels[number] != nil else {
            return .violation("message for a channel that does not exist")
        }
        switch message {
        case .channelOpenConfirmation(let confirmation):
            return receivedConfirmation(confirmation)
        case .channelOpenFailure(_, let reason, let text):
            return receivedOpenFailure(number, reason: reason, text: text)
        default:
            break
        }
        guard channels[number]?.isConfirmed == true else {
            return .violation("message for a channel that is not open")
        }
        switch message {
        case .channelData(_, let bytes):
            return receivedData(number, stream: nil, bytes)
        case .channelExtendedData(_, let type, let bytes):
            return receivedData(number, stream: type, bytes)
        case .channelWindowAdjust(_, let count):
            return receivedAdjust(number, count)
        case .channelEOF:
            return receivedEOF(number)
        case .channelClose:
            return receivedClose(number)
        case .channelRequest(_, let request):
            return receivedRequest(number, request)
        case .channelSuccess:
            return receivedRequestReply(number, success: true)
        case .channelFailure:
            return receivedRequestReply(number, success: false)
        default:
            return .nothing
        }
    }

    private mutating func receivedData(
        _ number: UInt32,
        stream: UInt32?,
        _ bytes: ByteBuffer
    ) -> ConnectionEvent {
        guard let channel = channels[number] else { return .nothing }
        guard !channel.eofReceived else { return .violation("data after EOF") }
        let count = UInt32(truncatingIfNeeded: bytes.readableBytes)
        guard bytes.readableBytes <= channel.localWindow else {
            return .violation("data beyond the window")
        }
        channels[number]?.localWindow -= count
        guard !channel.closeSent, count > 0 else { return .nothing }
        return .data(number, stream: stream, bytes)
    }

    private mutating func receivedAdjust(_ number: UInt32, _ count: UInt32) -> ConnectionEvent {
        guard let channel = channels[number] else { return .nothing }
        let (window, overflow) = channel.remoteWindow.addingReportingOverflow(count)
        guard !overflow else { return .violation("window beyond 2^32 - 1") }
        channels[number]?.remoteWindow = window
        schedule(number)
        return .nothing
    }

    private mutating func receivedEOF(_ number: UInt32) -> ConnectionEvent {
        guard channels[number]?.eofReceived == false else { return .nothing }
        channels[number]?.eofReceived = true
        return .eof(number)
    }

    /// Answers CLOSE with CLOSE; what was queued is dropped (RFC 4254 §5.3).
    private mutating func receivedClose(_ number: UInt32) -> ConnectionEvent {
        guard let channel = channels.removeValue(forKey: number) else { return .nothing }
        settled += channel.outbox.tickets.map { SettledWrite(ticket: $0, taken: false) }
        if !channel.closeSent { control.append(.channelClose(recipient: channel.remote)) }
        return .closed(number)
    }

    private mutating func receivedRequest(
        _ number: UInt32,
        _ request: ChannelRequest
    ) -> ConnectionEvent {
        guard let channel = channels[number], !channel.closeSent else { return .nothing }
        guard channel.pendingReplies.count < limits.pendingRequestsPerChannel else {
            return .violation("too many pending requests on one channel")
        }
        channels[number]?.pendingReplies.append(request.wantsReply)
        return .request(number, request)
    }

    private mutating func receivedRequestReply(
        _ number: UInt32,
        success: Bool
    ) -> ConnectionEvent {
        guard let channel = channels[number], channel.unansweredRequests > 0 else {
            return .nothing
        }
        channels[number]?.unansweredRequests -= 1
        return .requestAnswered(number, success: success)
    }
}

// MARK: - What the owner of a channel does

extension ConnectionMachine {
    /// The owner has taken `count` bytes of what arrived; the peer may send as many more.
    package mutating func consumed(_ number: UInt32, _ count: Int) {
        guard let channel = channels[number], !channel.closeSent, !channel.eofReceived else {
            return
        }
        let unreported = channel.unreported + UInt32(truncatingIfNeeded: count)
        guard unreported >= channel.adjustThreshold else {
            channels[number]?.unreported = unreported
            return
        }
        channels[number]?.unreported = 0
        channels[number]?.localWindow += unreported
        control.append(.channelWindowAdjust(recipient: channel.remote, count: unreported))
    }

    /// Answers the oldest unanswered request of the channel.
    package mutating func answerRequest(_ number: UInt32, success: Bool) {
        guard let channel = channels[number], let wanted = channel.pendingReplies.first else {
            return
        }
        channels[number]?.pendingReplies.removeFirst()
        guard wanted, !channel.closeSent else { return }
        let remote = channel.remote
        control.append(
            success ? .channelSuccess(recipient: remote) : .channelFailure(recipient: remote)
        )
    }

    /// The newest request needs no answer of its own: it replaced the one before.
    package mutating func forgetNewestRequest(_ number: UInt32) {
        _ = channels[number]?.pendingReplies.popLast()
    }

    /// Queues something behind what is already queued on the channel.
    ///
    /// - Returns: `false` once EOF or CLOSE is queued, or the channel is gone.
    package mutating func enqueue(_ number: UInt32, _ item: ChannelOutbox.Item) -> Bool {
        guard channels[number]?.isConfirmed == true,
            channels[number]?.outbox.append(item) == true
        else { return false }
        schedule(number)
        return true
    }

    /// Takes back what is left of a write; its ticket is not settled.
    package mutating func withdraw(_ number: UInt32, ticket: UInt64) {
        channels[number]?.outbox.withdraw(ticket: ticket)
        schedule(number)
    }

    /// Whether the channel exists and both sides have agreed to it.
    package func isOpen(_ number: UInt32) -> Bool {
        guard let channel = channels[number] else { return false }
        return channel.isConfirmed && !channel.closeSent
    }

    /// Sends a request at once, past data that waits for the window.
    ///
    /// - Returns: `false` when the channel cannot carry it any more.
    package mutating func sendRequest(_ number: UInt32, _ request: ChannelRequest) -> Bool {
        guard let channel = channels[number], channel.isConfirmed, !channel.closeSent else {
            return false
        }
        if request.wantsReply { channels[number]?.unansweredRequests += 1 }
        control.append(.channelRequest(recipient: channel.remote, request))
        return true
    }
}

// MARK: - Sending

extension ConnectionMachine {
    /// The next message to send.
    ///
    /// Replies come first; data only when `dataAllowed`, channel by channel in turn.
    package mutating func nextOutgoing(dataAllowed: Bool) -> ConnectionMessage? {
        if let message = control.popFirst() { return message }
        guard dataAllowed else { return nil }
        while let number = sendable.popFirst() {
            channels[number]?.isScheduled = false
            guard let message = nextQueued(number) else { continue }
            schedule(number)
            return message
        }
        return nil
    }

    /// Whether `nextOutgoing` would return something.
    package func hasOutgoing(dataAllowed: Bool) -> Bool {
        !control.isEmpty || (dataAllowed && !sendable.isEmpty)
    }

    private mutating func nextQueued(_ number: UInt32) -> ConnectionMessage? {
        guard let remote = channels[number]?.remote else { return nil }
        switch channels[number]?.nextItem(maximumPacket: limits.maximumPacket) {
        case .data(let bytes, let stream, let finished):
            if let finished { settled.append(SettledWrite(ticket: finished, taken: true)) }
            return switch stream {
            case .stdout: .channelData(recipient: remote, bytes: bytes)
            case .stderr: .channelExtendedData(recipient: remote, type: 1, bytes: bytes)
            }
        case .exit(let exit):
            return .channelRequest(recipient: remote, exit.wire)
        case .eof:
            return .channelEOF(recipient: remote)
        case .close:
            return .channelClose(recipient: remote)
        case nil:
            return nil
        }
    }

    func isSendable(_ channel: ChannelState) -> Bool {
        channel.isConfirmed && channel.outbox.isSendable(window: channel.remoteWindow)
    }

    mutating func schedule(_ number: UInt32) {
        guard let channel = channels[number], !channel.isScheduled, isSendable(channel) else {
            return
        }
        channels[number]?.isScheduled = true
        sendable.append(number)
    }
}
