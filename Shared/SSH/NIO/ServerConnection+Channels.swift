import DequeModule
import NIOCore

/// Open channels: their owners, their requests, their end.
extension ServerConnection {
    struct OpenChannel {
        /// `nil` for channels we opened: whoever asked for one learns of its end by using it.
        let owner: (any ChannelOwner)?
        var requests = Deque<PendingRequest>()
        /// Answers requests, or carries a forward's bytes.
        var worker: Task<Void, Never>?
        /// Set while a closed channel's last input is still being read.
        var closeTimer: Scheduled<Void>?
        var isClosed = false
        var hasSentEndOfWrite = false
        var hasTerminal = false
    }

    struct PendingRequest {
        var meaning: SessionRequest
        /// How many global requests came before it.
        var globalRequestsBefore: UInt64
    }

    /// How long the reader of a closed channel may go on with what had arrived.
    private static let readingTime = Duration.seconds(10)
    /// They no longer count as channels of the client, so all of them together hold at most so many
    /// bytes, or one of them its window.
    private static let mostClosed = 64
    private static let mostClosedBytes = 4 << 20

    func newChannel(_ number: UInt32) -> ServerChannel {
        lastChannelID += 1
        return ServerChannel(id: lastChannelID, number: number, connection: self)
    }

    func openSession(_ number: UInt32, _ handler: any ServerConnectionHandler) async {
        switch await handler.openSession(newChannel(number)) {
        case .accepted(let session):
            if !accepted(number, session) { await session.closed() }
        case .refused(let reason, let text):
            io.connection.refuseOpen(number, reason, text: text)
        }
        io.pump()
    }

    func openForward(
        _ number: UInt32,
        _ target: ForwardTarget,
        _ handler: any ServerConnectionHandler
    ) async {
        switch await handler.openForward(newChannel(number), to: target) {
        case .accepted(let forward):
            if accepted(number, forward) {
                channels[number]?.worker = Task(
                    executorPreference: LoopTaskExecutor(eventLoop)
                ) {
                    await self.carry(number, forward)
                }
            } else {
                await forward.closed()
            }
        case .refused(let reason, let text):
            io.connection.refuseOpen(number, reason, text: text)
        }
        dials[number] = nil
        io.pump()
    }

    /// False when the connection has ended meanwhile: nobody else will tell the owner.
    private func accepted(_ number: UInt32, _ owner: any ChannelOwner) -> Bool {
        guard ending == nil, io.connection.acceptOpen(number) else { return false }
        io.openInbox(number)
        channels[number] = OpenChannel(owner: owner)
        return true
    }

    private func carry(_ number: UInt32, _ forward: any ForwardHandler) async {
        await forward.run()
        enqueue(number, .close)
    }

    // MARK: - Requests

    func received(_ request: ChannelRequest, on number: UInt32) {
        guard let channel = channels[number], channel.owner is any SessionHandler else {
            // Only sessions know requests.
            return io.connection.answerRequest(number, success: false)
        }
        let meaning = SessionRequest(request)
        let pending = PendingRequest(
            meaning: meaning,
            globalRequestsBefore: globalRequestsReceived
        )
        guard !replacesLast(meaning, request, of: channel) else {
            channels[number]?.requests.removeLast()
            channels[number]?.requests.append(pending)
            return io.connection.forgetNewestRequest(number)
        }
        channels[number]?.requests.append(pending)
        serveRequests(number)
    }

    /// Has the channel's requests answered, unless that is being done or cannot be yet.
    private func serveRequests(_ number: UInt32) {
        guard let channel = channels[number], channel.worker == nil,
            let request = channel.requests.first, !isHeld(request)
        else { return }
        channels[number]?.worker = Task { await self.serve(number) }
    }

    /// A program that is asked for behind a place to listen finds it there, as with OpenSSH's
    /// server, which does one thing after the other.
    private func isHeld(_ request: PendingRequest) -> Bool {
        request.meaning.startsProgram && request.globalRequestsBefore > globalRequestsAnswered
    }

    /// A global request was answered: programs that waited for it may start.
    func serveHeldRequests() {
        for number in channels.keys { serveRequests(number) }
    }

    /// A person who drags a window's corner while the program starts sends sizes by the hundred;
    /// of those that wait only the newest matters.
    private func replacesLast(
        _ meaning: SessionRequest,
        _ request: ChannelRequest,
        of channel: OpenChannel
    ) -> Bool {
        guard !request.wantsReply, case .windowChange = meaning,
            case .windowChange? = channel.requests.last?.meaning
        else { return false }
        return true
    }

    private func serve(_ number: UInt32) async {
        while ending == nil, let channel = channels[number], !channel.isClosed,
            let session = channel.owner as? any SessionHandler,
            let request = takeRequest(number)
        {
            let isAccepted = await session.handle(request)
            if isAccepted, case .pty = request { channels[number]?.hasTerminal = true }
            io.connection.answerRequest(number, success: isAccepted && request.isKnown)
            io.pump()
        }
        channels[number]?.worker = nil
    }

    private func takeRequest(_ number: UInt32) -> SessionRequest? {
        guard let request = channels[number]?.requests.first, !isHeld(request) else { return nil }
        channels[number]?.requests.removeFirst()
        return request.meaning
    }

    // MARK: - The end of a channel

    /// Both sides have closed. A client may close right after its last bytes: whoever reads them,
    /// or is about to, gets a moment to do so, and another one as long as they go on.
    func channelClosed(_ number: UInt32) {
        io.deliverClose(number)
        guard channels[number] != nil else { return io.closeInbox(number) }
        let others = channels.filter(\.value.isClosed).keys
        channels[number]?.isClosed = true
        channels[number]?.requests.removeAll()
        let waiting = others.reduce(0) { $0 + (io.inboxes[$1]?.byteCount ?? 0) }
        guard io.inboxes[number]?.isEmpty == false, others.count < Self.mostClosed,
            waiting <= Self.mostClosedBytes
        else { return closeChannel(number) }
        awaitReader(number)
    }

    private func awaitReader(_ number: UInt32) {
        channels[number]?.closeTimer?.cancel()
        channels[number]?.closeTimer = schedule(in: Self.readingTime) { $0.closeChannel(number) }
    }

    /// Tells the channel's owner, once.
    func closeChannel(_ number: UInt32) {
        guard let channel = channels.removeValue(forKey: number) else { return }
        channel.closeTimer?.cancel()
        channel.worker?.cancel()
        io.closeInbox(number)
        guard let owner = channel.owner else { return }
        closings[number] = Task {
            await channel.worker?.value
            await owner.closed()
            closings[number] = nil
        }
    }

    // MARK: - What the channel's owner does

    func read(_ number: UInt32) async throws -> ByteBuffer? {
        do {
            let part = try await readPart(number)
            if part == nil {
                readToTheEnd(number)
            } else if channels[number]?.isClosed == true {
                awaitReader(number)
            }
            return part?.bytes
        } catch {
            if error is ChannelClosed { readToTheEnd(number) }
            throw error
        }
    }

    private func readToTheEnd(_ number: UInt32) {
        guard channels[number]?.isClosed == true else { return }
        closeChannel(number)
    }

    func write(_ number: UInt32, _ bytes: ByteBuffer, _ stream: OutputStream) async throws {
        try await writeBytes(number, bytes, stream)
    }

    func enqueue(_ number: UInt32, _ item: ChannelOutbox.Item) {
        io.enqueue(number, item)
    }

    /// Nobody waits for these bytes: a client that takes none at the moment may get them later.
    func tell(_ text: String) {
        let line = ByteBuffer(string: "\r\n\(text)\r\n")
        for (number, channel) in channels where channel.hasTerminal && !channel.isClosed {
            io.enqueue(number, .data(line, .stderr, ticket: io.takeTicket()))
        }
    }

    /// Only OpenSSH knows the request (its PROTOCOL §2.1); others might take it amiss.
    func sendEndOfWrite(_ number: UInt32) {
        guard clientVersion.contains("OpenSSH"), channels[number]?.hasSentEndOfWrite == false
        else { return }
        channels[number]?.hasSentEndOfWrite = true
        let request = SessionRequest.endOfWrite.wire(wantsReply: false)
        // A channel that is closed has no input to stop.
        if io.connection.sendRequest(number, request) { io.pump() }
    }
}

extension SessionRequest {
    /// Whether anybody knows what it asks for.
    fileprivate var isKnown: Bool {
        switch self {
        case .unsupported, .malformed: false
        default: true
        }
    }

    fileprivate var startsProgram: Bool {
        switch self {
        case .shell, .exec, .subsystem: true
        default: false
        }
    }
}
