import DequeModule

/// Replies to global requests, sent in the order of the requests (RFC 4254 §4) although some are
/// known at once and others take time.
struct GlobalReplyQueue {
    private enum Slot {
        case waiting(wantsReply: Bool)
        case ready(ConnectionMessage?)
    }

    private var slots = Deque<Slot>()

    var count: Int { slots.count }

    /// A request whose answer is not known yet.
    mutating func ask(wantsReply: Bool) {
        slots.append(.waiting(wantsReply: wantsReply))
    }

    /// A request whose answer is known at once.
    mutating func settled(_ reply: ConnectionMessage) {
        slots.append(.ready(reply))
    }

    /// The answer to the oldest request that waits for one.
    mutating func answer(_ reply: ConnectionMessage) {
        for index in slots.indices {
            guard case .waiting(let wantsReply) = slots[index] else { continue }
            slots[index] = .ready(wantsReply ? reply : nil)
            return
        }
    }

    /// The next reply that may be sent.
    mutating func popReady() -> ConnectionMessage? {
        while case .ready(let reply)? = slots.first {
            slots.removeFirst()
            if let reply { return reply }
        }
        return nil
    }
}
