import NIOCore

/// Who owns a connection's protocol; an actor that runs on the connection's event loop.
protocol SocketOwner: Actor {
    nonisolated var eventLoop: any EventLoop { get }
    var io: ConnectionIO { get }

    func socketReady()
    func socketReceived(_ bytes: ByteBuffer)
    func socketReceivedAll()
    func socketWritable()
    /// The socket is closed; `error` says why if it was not the peer hanging up.
    func socketClosed(_ error: (any Error)?)
}

/// Waiting for bytes. These are functions of the actor, so that all of it happens on its loop: a
/// closure given to `withTaskCancellationHandler` by a function that merely inherits its caller's
/// isolation would run elsewhere.
extension SocketOwner {
    /// The next bytes of a channel; `nil` at its end.
    func readPart(_ number: UInt32) async throws -> ChannelInbox.Part? {
        if let answer = io.readNow(number) { return try answer.get() }
        let token = io.takeTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                io.readers[number] = ConnectionIO.Reader(token: token, continuation: continuation)
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.io.cancelRead(number, token) } }
        }
    }

    /// Queues bytes and returns once window and socket have taken them.
    func writeBytes(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) async throws {
        guard let ticket = try io.writeNow(number, bytes, stream) else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                io.writers[ticket] = .waiting(continuation)
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.io.cancelWrite(number, ticket) } }
        }
    }
}
