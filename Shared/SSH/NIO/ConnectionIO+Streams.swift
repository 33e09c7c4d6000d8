import NIOCore

/// The bytes of channels: readers, writers, and how they are woken.
extension ConnectionIO {
    /// A channel whose bytes somebody may read.
    func openInbox(_ number: UInt32) {
        inboxes[number] = ChannelInbox()
    }

    func deliver(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) {
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

    /// The next bytes of a channel; `nil` at its end.
    func read(_ number: UInt32) async throws -> ChannelInbox.Part? {
        guard let inbox = inboxes[number], readers[number] == nil else { throw ChannelClosed() }
        if let part = inboxes[number]?.popFirst() {
            connection.consumed(number, part.bytes.readableBytes)
            pump()
            return part
        }
        if inbox.isAtEnd { return nil }
        if inbox.isClosed || isClosed { throw ChannelClosed() }
        return try await waitToRead(number)
    }

    private func waitToRead(_ number: UInt32) async throws -> ChannelInbox.Part? {
        let token = takeTicket()
        let cancelled = onLoop { $0.cancelRead(number, token) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                readers[number] = Reader(token: token, continuation: continuation)
            }
        } onCancel: {
            cancelled()
        }
    }

    private func cancelRead(_ number: UInt32, _ token: UInt64) {
        guard let reader = readers[number], reader.token == token else { return }
        readers[number] = nil
        reader.continuation.resume(throwing: CancellationError())
    }

    /// Queues bytes and returns once window and socket have taken them.
    func write(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) async throws {
        guard !isClosed, connection.isOpen(number) else { throw ChannelClosed() }
        guard bytes.readableBytes > 0 else { return }
        let ticket = takeTicket()
        guard connection.enqueue(number, .data(bytes, stream, ticket: ticket)) else {
            throw ChannelClosed()
        }
        writers[ticket] = .queued
        pump()
        guard case .settled(let taken)? = writers[ticket] else {
            return try await waitToWrite(number, ticket)
        }
        writers[ticket] = nil
        guard taken else { throw ChannelClosed() }
    }

    private func waitToWrite(_ number: UInt32, _ ticket: UInt64) async throws {
        let cancelled = onLoop { $0.cancelWrite(number, ticket) }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                writers[ticket] = .waiting(continuation)
            }
        } onCancel: {
            cancelled()
        }
    }

    /// A cancelled writer's bytes that have not gone out never will.
    private func cancelWrite(_ number: UInt32, _ ticket: UInt64) {
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

    /// A closure that any thread may call to have `body` run on the loop.
    private func onLoop(
        _ body: @escaping @Sendable (ConnectionIO) -> Void
    ) -> @Sendable () -> Void {
        let bound = NIOLoopBound(self, eventLoop: socket.eventLoop)
        return { bound.eventLoop.execute { body(bound.value) } }
    }
}
