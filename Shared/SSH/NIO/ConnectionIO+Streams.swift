import NIOCore

/// The bytes of channels: readers, writers, and how they are woken.
extension ConnectionIO {
    /// A channel whose bytes somebody may read.
    func openInbox(_ number: UInt32) {
        inboxes[number] = ChannelInbox()
    }

    func deliver(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) {
        socket.eventLoop.assertInEventLoop()
        guard inboxes[number] != nil else { return }
        guard let reader = readers.removeValue(forKey: number) else {
            inboxes[number]?.append(bytes, stream)
            return
        }
        connection.consumed(number, bytes.readableBytes)
        reader.continuation.resume(returning: ChannelInbox.Part(stream: stream, bytes: bytes))
    }

    /// The peer has said that no more follows.
    func deliverEOF(_ number: UInt32) {
        inboxes[number]?.ended()
        readers.removeValue(forKey: number)?.continuation.resume(returning: nil)
    }

    /// The channel is closed; what arrived before can still be read.
    func deliverClose(_ number: UInt32) {
        inboxes[number]?.closed()
        readers.removeValue(forKey: number)?.continuation.resume(throwing: ChannelClosed())
        settleWrites()
    }

    /// Nobody reads this channel any more.
    func closeInbox(_ number: UInt32) {
        inboxes[number] = nil
        readers.removeValue(forKey: number)?.continuation.resume(throwing: ChannelClosed())
    }

    /// What `read` can be answered with at once; `nil` when the reader has to wait.
    func readNow(_ number: UInt32) -> Result<ChannelInbox.Part?, any Error>? {
        guard let inbox = inboxes[number], readers[number] == nil else {
            return .failure(ChannelClosed())
        }
        if let part = inboxes[number]?.popFirst() {
            connection.consumed(number, part.bytes.readableBytes)
            pump()
            return .success(part)
        }
        if inbox.isAtEnd { return .success(nil) }
        if inbox.isClosed || isClosed { return .failure(ChannelClosed()) }
        return nil
    }

    func cancelRead(_ number: UInt32, _ token: UInt64) {
        guard let reader = readers[number], reader.token == token else { return }
        readers[number] = nil
        reader.continuation.resume(throwing: CancellationError())
    }

    /// Queues bytes; returns the ticket of a writer who has to wait.
    func writeNow(
        _ number: UInt32,
        _ bytes: ByteBuffer,
        _ stream: OutputStream
    ) throws(ChannelClosed) -> UInt64? {
        socket.eventLoop.assertInEventLoop()
        guard !isClosed, connection.isOpen(number) else { throw ChannelClosed() }
        guard bytes.readableBytes > 0 else { return nil }
        let ticket = takeTicket()
        guard connection.enqueue(number, .data(bytes, stream, ticket: ticket)) else {
            throw ChannelClosed()
        }
        writers[ticket] = .queued
        pump()
        guard case .settled(let taken)? = writers[ticket] else { return ticket }
        writers[ticket] = nil
        guard taken else { throw ChannelClosed() }
        return nil
    }

    /// A cancelled writer's bytes that have not gone out never will.
    func cancelWrite(_ number: UInt32, _ ticket: UInt64) {
        guard case .waiting(let continuation)? = writers.removeValue(forKey: ticket) else { return }
        connection.withdraw(number, ticket: ticket)
        continuation.resume(throwing: CancellationError())
        pump()
    }

    /// Queues something other than data; false once the channel takes nothing more.
    @discardableResult
    func enqueue(_ number: UInt32, _ item: ChannelOutbox.Item) -> Bool {
        guard !isClosed, connection.enqueue(number, item) else { return false }
        pump()
        return true
    }

    func settleWrites() {
        for write in connection.takeSettledWrites() {
            switch writers[write.ticket] {
            case .queued:
                writers[write.ticket] = .settled(taken: write.taken)
            case .waiting(let continuation):
                writers[write.ticket] = nil
                if write.taken {
                    continuation.resume()
                } else {
                    continuation.resume(throwing: ChannelClosed())
                }
            case .settled, nil:
                break
            }
        }
    }

    /// The connection is gone: no reader and no writer may wait for ever.
    func wakeEveryone() {
        for number in inboxes.keys { inboxes[number]?.closed() }
        let waiting = readers
        readers = [:]
        for reader in waiting.values { reader.continuation.resume(throwing: ChannelClosed()) }
        for (ticket, writer) in writers {
            guard case .waiting(let continuation) = writer else {
                writers[ticket] = .settled(taken: false)
                continue
            }
            writers[ticket] = nil
            continuation.resume(throwing: ChannelClosed())
        }
    }
}
