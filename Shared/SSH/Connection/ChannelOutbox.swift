import DequeModule
package import NIOCore

/// What one channel wants to send, in order: data, the program's end, EOF, CLOSE.
///
/// It is as long as its writers let it be; each of them waits for its own bytes.
package struct ChannelOutbox {
    /// One thing to send.
    package enum Item: Sendable {
        /// `ticket` comes back in a `SettledWrite`.
        case data(ByteBuffer, OutputStream, ticket: UInt64)
        /// `exit-status` or `exit-signal`; only the first one is taken.
        case exit(ProgramExit)
        case eof
        case close
    }

    /// One message's worth of it.
    enum Outgoing: Hashable {
        /// `finished` is the ticket of a write of which these are the last bytes.
        case data(ByteBuffer, OutputStream, finished: UInt64?)
        case exit(ProgramExit)
        case eof
        case close
    }

    private var items = Deque<Item>()
    private var eofQueued = false
    private var exitQueued = false
    private var closeQueued = false

    /// The writes that are still queued.
    var tickets: [UInt64] {
        items.compactMap { item in
            guard case .data(_, _, let ticket) = item else { return nil }
            return ticket
        }
    }

    /// Queues an item; data after EOF and anything after CLOSE is not taken.
    mutating func append(_ item: Item) -> Bool {
        guard !closeQueued else { return false }
        switch item {
        case .data(let bytes, _, _):
            guard !eofQueued, bytes.readableBytes > 0 else { return false }
        case .eof:
            guard !eofQueued else { return false }
            eofQueued = true
        case .close:
            closeQueued = true
        case .exit:
            guard !exitQueued else { return false }
            exitQueued = true
        }
        items.append(item)
        return true
    }

    /// Takes back what is left of a write.
    mutating func withdraw(ticket: UInt64) {
        items.removeAll { item in
            guard case .data(_, _, ticket) = item else { return false }
            return true
        }
    }

    /// Whether something can go out while the peer takes `window` bytes.
    func isSendable(window: UInt32) -> Bool {
        switch items.first {
        case nil: false
        case .data: window > 0
        case .exit, .eof, .close: true
        }
    }

    /// The next message, with at most `limit` bytes of data.
    mutating func next(limit: Int) -> Outgoing? {
        switch items.first {
        case nil:
            return nil
        case .data(let bytes, let stream, let ticket):
            return nextData(bytes, stream, ticket, limit: limit)
        case .exit(let exit):
            items.removeFirst()
            return .exit(exit)
        case .eof:
            items.removeFirst()
            return .eof
        case .close:
            items.removeFirst()
            return .close
        }
    }

    private mutating func nextData(
        _ bytes: ByteBuffer,
        _ stream: OutputStream,
        _ ticket: UInt64,
        limit: Int
    ) -> Outgoing? {
        var rest = bytes
        guard limit > 0, let part = rest.readSlice(length: min(limit, rest.readableBytes)) else {
            return nil
        }
        guard rest.readableBytes > 0 else {
            items.removeFirst()
            return .data(part, stream, finished: ticket)
        }
        items[items.startIndex] = .data(rest, stream, ticket: ticket)
        return .data(part, stream, finished: nil)
    }
}
