import DequeModule
import NIOCore

/// One channel's numbers, windows and queues (RFC 4254 §5).
struct ChannelState {
    enum Stage: Hashable {
        /// The peer asked, we have not answered.
        case asked
        /// We asked, the peer has not answered.
        case asking
        case open
    }

    var stage: Stage
    var remote: UInt32
    /// What the peer may send before anything is read.
    let window: UInt32
    /// What the peer may still send.
    var localWindow: UInt32
    /// Taken by the owner but not yet reported by WINDOW_ADJUST.
    var unreported: UInt32 = 0
    /// What we may still send.
    var remoteWindow: UInt32
    var remoteMaximumPacket: UInt32
    var outbox = ChannelOutbox()
    /// For each unanswered request of the peer, whether it wants a reply.
    var pendingReplies = Deque<Bool>()
    /// Requests of ours that want a reply and got none.
    var unansweredRequests = 0
    var eofReceived = false
    var closeSent = false
    /// In the machine's list of channels that can send.
    var isScheduled = false

    /// Read bytes are reported to the peer once they are this many: seldom enough to cost little,
    /// often enough that a reading owner never lets the window run dry.
    var adjustThreshold: UInt32 { max(1, window / 8) }

    var isConfirmed: Bool { stage == .open }

    init(accepting open: ChannelOpen, window: UInt32) {
        stage = .asked
        remote = open.sender
        self.window = window
        localWindow = window
        remoteWindow = open.window
        remoteMaximumPacket = open.maximumPacket
    }

    init(askingWithWindow window: UInt32) {
        stage = .asking
        remote = 0
        self.window = window
        localWindow = window
        remoteWindow = 0
        remoteMaximumPacket = 0
    }

    /// Takes the next thing to send out of the outbox, and its bytes out of the window.
    mutating func nextItem(maximumPacket: UInt32) -> ChannelOutbox.Outgoing? {
        let limit = min(remoteWindow, remoteMaximumPacket, maximumPacket)
        guard let item = outbox.next(limit: Int(limit)) else { return nil }
        switch item {
        case .data(let bytes, _, _): remoteWindow -= UInt32(bytes.readableBytes)
        case .close: closeSent = true
        case .exit, .eof: break
        }
        return item
    }
}
