import DequeModule
import NIOCore

/// Session channels: their handlers, their requests, their end.
extension ServerConnection {
    struct Session {
        let channel: ServerSessionChannel
        let handler: any SessionHandler
        var requests = Deque<SessionRequest>()
        var worker: Task<Void, Never>?
        /// Set while a closed channel's last input is still being read.
        var closeTimer: Scheduled<Void>?
        var isChannelClosed = false
        var hasBeenRead = false
    }

    /// How long the reader of a closed channel may go on with what had arrived.
    private static let readingTime = Duration.seconds(2)

    func openSession(_ number: UInt32, _ handler: any ServerConnectionHandler) async {
        lastSessionID += 1
        let channel = ServerSessionChannel(id: lastSessionID, number: number, connection: self)
        switch await handler.openSession(channel) {
        case .accepted(let session):
            guard ending == nil, io.connection.acceptOpen(number) else {
                return await session.closed()
            }
            io.openInbox(number)
            sessions[number] = Session(channel: channel, handler: session)
        case .refused(let reason, let text):
            io.connection.refuseOpen(number, reason, text: text)
        }
        io.pump()
    }

    // MARK: - Requests

    func received(_ request: ChannelRequest, on number: UInt32) {
        guard let session = sessions[number] else { return }
        let meaning = SessionRequest(request)
        guard !replacesLast(meaning, request, of: session) else {
            sessions[number]?.requests.removeLast()
            sessions[number]?.requests.append(meaning)
            return io.connection.forgetNewestRequest(number)
        }
        sessions[number]?.requests.append(meaning)
        guard session.worker == nil else { return }
        sessions[number]?.worker = Task { await self.serve(number) }
    }

    /// A person who drags a window's corner while the program starts sends sizes by the hundred;
    /// of those that wait only the newest matters.
    private func replacesLast(
        _ meaning: SessionRequest,
        _ request: ChannelRequest,
        of session: Session
    ) -> Bool {
        guard !request.wantsReply, case .windowChange = meaning,
            case .windowChange? = session.requests.last
        else { return false }
        return true
    }

    private func serve(_ number: UInt32) async {
        while ending == nil, let session = sessions[number], !session.isChannelClosed,
            let request = sessions[number]?.requests.popFirst()
        {
            let isAccepted = await session.handler.handle(request)
            io.connection.answerRequest(number, success: isAccepted && request.isKnown)
            io.pump()
        }
        sessions[number]?.worker = nil
    }

    // MARK: - The end of a channel

    /// Both sides have closed. A client may close right after its last bytes: whoever reads them
    /// gets a moment to do so.
    func channelClosed(_ number: UInt32) {
        io.deliverClose(number)
        guard let session = sessions[number] else { return io.closeInbox(number) }
        sessions[number]?.isChannelClosed = true
        sessions[number]?.requests.removeAll()
        guard session.hasBeenRead, io.inboxes[number]?.isEmpty == false else {
            return closeSession(number)
        }
        sessions[number]?.closeTimer = schedule(in: Self.readingTime) { $0.closeSession(number) }
    }

    /// Tells the session's handler, once.
    func closeSession(_ number: UInt32) {
        guard let session = sessions.removeValue(forKey: number) else { return }
        session.closeTimer?.cancel()
        session.worker?.cancel()
        io.closeInbox(number)
        closings[number] = Task {
            await session.worker?.value
            await session.handler.closed()
            closings[number] = nil
        }
    }

    // MARK: - What the channel's owner does

    func read(_ number: UInt32) async throws -> ByteBuffer? {
        sessions[number]?.hasBeenRead = true
        do {
            let part = try await readPart(number)
            if part == nil { readToTheEnd(number) }
            return part?.bytes
        } catch {
            if error is ChannelClosed { readToTheEnd(number) }
            throw error
        }
    }

    private func readToTheEnd(_ number: UInt32) {
        guard sessions[number]?.isChannelClosed == true else { return }
        closeSession(number)
    }

    func write(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) async throws {
        try await writeBytes(number, bytes, stream)
    }

    func enqueue(_ number: UInt32, _ item: ChannelOutbox.Item) {
        io.enqueue(number, item)
    }
}

extension SessionRequest {
    /// Whether anybody knows what it asks for.
    fileprivate var isKnown: Bool {
        if case .unsupported = self { return false }
        return true
    }
}
