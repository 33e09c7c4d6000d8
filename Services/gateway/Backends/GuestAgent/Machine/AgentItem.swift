import DequeModule

/// What one id stands for; a part of its machine, which alone holds it.
package final class AgentItem {
    package enum Kind: Hashable {
        case program(hasTerminal: Bool)
        case connection
        case listener
        case file
    }

    enum Answer: Hashable {
        case awaited
        /// A process id, a port, or 0.
        case given(UInt32)
        case refused(AgentRefusal)
    }

    let kind: Kind
    var answer = Answer.awaited
    var received: ReceiveQueue
    /// What the agent still takes on channel 0.
    var sendWindow: UInt32
    /// Of what was sent, what the agent has still to tell of; `nil` when it was not asked to.
    package var untold: Int?
    var endSent = false
    /// The agent was told that nobody wants a program's output.
    var isOutputEnded = false
    var exit: AgentExit?
    var closeSent = false
    var closeReceived = false
    /// Nobody holds it any more.
    var isForgotten = false
    /// Of a listener: connections that nobody has taken yet.
    var waiting: Deque<AcceptedConnection> = []
    /// Of a listener: the one at which its connections are taken, when it is not itself.
    var deliversTo: UInt32?

    init(_ kind: Kind, sendWindow: UInt32) {
        self.kind = kind
        self.sendWindow = sendWindow
        received =
            switch kind {
            case .program(hasTerminal: true): ReceiveQueue(channels: [1])
            case .program(hasTerminal: false): ReceiveQueue(channels: [1, 2])
            case .connection: ReceiveQueue(channels: [0])
            case .listener, .file: ReceiveQueue(channels: [])
            }
    }

    var hasTerminal: Bool { kind == .program(hasTerminal: true) }

    /// No frame for its id counts any more.
    var isOver: Bool {
        if case .refused = answer { return true }
        if kind == .file, case .given = answer { return true }
        return closeSent && closeReceived
    }

    var isAnswered: Bool {
        if case .given = answer { return true }
        return false
    }
}

/// A connection that the agent has accepted.
struct AcceptedConnection: Hashable, Sendable {
    let id: UInt32
    /// Empty for Unix sockets.
    let host: String
    let port: UInt16
}
