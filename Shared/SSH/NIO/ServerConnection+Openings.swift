import NIOCore

/// Channels that this side opens.
extension ServerConnection {
    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        guard ending == nil, case .service = phase else { throw ChannelClosed() }
        guard io.connection.hasRoomForChannel else {
            let reason = ChannelOpenFailureReason.resourceShortage.rawValue
            throw ChannelOpenRefused(reason: reason, text: "Too many channels are open.")
        }
        let wanted = ChannelOpening.fromServer(opening)
        let number = io.connection.open(type: wanted.type, payload: wanted.payload)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                openWaiters[number] = $0
                io.pump()
            }
        } onCancel: {
            eventLoop.execute {
                self.assumeIsolated { $0.openingAnswered(number, .failure(CancellationError())) }
            }
        }
        return newChannel(number)
    }

    /// The client's answer, or that nobody waits for it any more.
    func openingAnswered(_ number: UInt32, _ answer: Result<Void, any Error>) {
        guard let waiter = openWaiters.removeValue(forKey: number) else {
            if case .success = answer { enqueue(number, .close) }
            return
        }
        if case .success = answer {
            io.openInbox(number)
            channels[number] = OpenChannel(owner: nil)
        }
        waiter.resume(with: answer)
    }

    func refuseOpenings() {
        let waiters = openWaiters.values
        openWaiters = [:]
        for waiter in waiters { waiter.resume(throwing: ChannelClosed()) }
    }
}
