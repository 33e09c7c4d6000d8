package import NIOCore

extension ConnectionMachine {
    mutating func receivedOpen(_ open: ChannelOpen) -> ConnectionEvent {
        guard open.maximumPacket > 0 else {
            return refuse(open, .connectFailed, "maximum packet size is 0")
        }
        guard ChannelOpening.isKnown(open.type, openedBy: role == .server ? .client : .server)
        else { return receivedUnsupportedOpen(open) }
        guard let opening = ChannelOpening(type: open.type, payload: open.payload) else {
            return receivedMalformedOpen(open)
        }
        guard opening != .session || !sessionsForbidden else {
            return .violation("session channel after no-more-sessions")
        }
        guard channels.count < limits.channels else {
            return refuse(open, .resourceShortage, "Too many channels are open.")
        }
        guard openQuestions < limits.pendingQuestions else {
            return refuse(open, .resourceShortage, "Too many channels are being opened.")
        }
        openQuestions += 1
        let number = allocateNumber()
        channels[number] = ChannelState(
            accepting: open,
            window: limits.window(besides: channels.count)
        )
        return .openRequested(number, opening)
    }

    private mutating func receivedUnsupportedOpen(_ open: ChannelOpen) -> ConnectionEvent {
        guard admitQuestion() else { return .violation("too many pending requests") }
        _ = refuse(open, .unknownChannelType, "unsupported channel type")
        return .unsupportedOpen(type: open.type)
    }

    private mutating func receivedMalformedOpen(_ open: ChannelOpen) -> ConnectionEvent {
        guard admitQuestion() else { return .violation("too many pending requests") }
        _ = refuse(open, .connectFailed, "malformed channel open")
        return .malformedOpen(type: open.type, payload: open.payload)
    }

    private mutating func refuse(
        _ open: ChannelOpen,
        _ reason: ChannelOpenFailureReason,
        _ text: String
    ) -> ConnectionEvent {
        control.append(
            .channelOpenFailure(recipient: open.sender, reason: reason.rawValue, text: text)
        )
        return .nothing
    }

    /// Confirms a channel the peer asked for; settles the question.
    ///
    /// - Returns: `false` when there is no such channel waiting.
    package mutating func acceptOpen(_ number: UInt32) -> Bool {
        openQuestions -= 1
        guard let channel = channels[number], channel.stage == .asked else { return false }
        channels[number]?.stage = .open
        control.append(
            .channelOpenConfirmation(
                ChannelOpenConfirmation(
                    recipient: channel.remote,
                    sender: number,
                    window: channel.window,
                    maximumPacket: limits.maximumPacket
                )
            )
        )
        return true
    }

    /// Refuses a channel the peer asked for; settles the question.
    package mutating func refuseOpen(
        _ number: UInt32,
        _ reason: ChannelOpenFailureReason,
        text: String
    ) {
        openQuestions -= 1
        guard let channel = channels[number], channel.stage == .asked else { return }
        channels[number] = nil
        control.append(
            .channelOpenFailure(recipient: channel.remote, reason: reason.rawValue, text: text)
        )
    }

    /// The shell has told the handler of a channel that was refused; settles the question.
    package mutating func acknowledgeRefusedOpen() {
        openQuestions -= 1
    }

    /// Whether one more channel of ours would stay within the limit.
    package var hasRoomForChannel: Bool { channels.count < limits.channels }

    /// Asks the peer for a channel; `.opened` or `.openRefused` follows.
    package mutating func open(type: String, payload: ByteBuffer = ByteBuffer()) -> UInt32 {
        let number = allocateNumber()
        let window = limits.window(besides: channels.count)
        channels[number] = ChannelState(askingWithWindow: window)
        control.append(
            .channelOpen(
                ChannelOpen(
                    type: type,
                    sender: number,
                    window: window,
                    maximumPacket: limits.maximumPacket,
                    payload: payload
                )
            )
        )
        return number
    }

    mutating func receivedConfirmation(
        _ confirmation: ChannelOpenConfirmation
    ) -> ConnectionEvent {
        let number = confirmation.recipient
        guard channels[number]?.stage == .asking else {
            return .violation("confirmation of a channel nobody asked for")
        }
        guard confirmation.maximumPacket > 0 else {
            return .violation("channel with a maximum packet size of 0")
        }
        channels[number]?.stage = .open
        channels[number]?.remote = confirmation.sender
        channels[number]?.remoteWindow = confirmation.window
        channels[number]?.remoteMaximumPacket = confirmation.maximumPacket
        return .opened(number)
    }

    mutating func receivedOpenFailure(
        _ number: UInt32,
        reason: UInt32,
        text: String
    ) -> ConnectionEvent {
        guard channels[number]?.stage == .asking else {
            return .violation("refusal of a channel nobody asked for")
        }
        channels[number] = nil
        return .openRefused(number, reason: reason, text: text)
    }

    mutating func admitQuestion() -> Bool {
        guard openQuestions < limits.pendingQuestions else { return false }
        openQuestions += 1
        return true
    }
}
