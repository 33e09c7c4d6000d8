import DequeModule
package import NIOCore

/// The gateway's side of docs/agent-protocol.md, without input, output or waiting.
///
/// Bytes of the agent come in by `receive`, its frames leave by `takeFrames`; `takeWoken` names
/// what may have changed for those who wait.
package struct AgentMachine {
    /// Of ours, and of the agent's.
    package static let mostIDs = 1024
    /// Connections of one listener that nobody has taken yet; further ones are closed.
    static let mostWaiting = 64
    /// Lines that are passed on to the log.
    private static let mostLogLines = 100
    /// Small enough that several streams share the way.
    private static let longestData = 128 << 10

    private var decoder = AgentDecoder()
    package internal(set) var items: [UInt32: AgentItem] = [:]
    private var lastID: UInt32 = 0
    private var lastAcceptedID: UInt32 = 1
    private var queue = SendQueue()
    /// Ids whose senders wait for room in `queue`, the next one first.
    private var blocked: Deque<UInt32> = []
    private var woken: Deque<WaitKey> = []
    private(set) var greeting: (version: UInt16, window: UInt32, process: UInt32)?
    private(set) var pongs: UInt64 = 0
    private var logLines = 0
    private var log: [(level: UInt8, text: String)] = []
    /// Why nothing more will happen.
    private(set) var end: (any Error)?

    package init() {
        var hello = FrameWriter(FrameKind.hello, 0, room: 17)
        hello.raw(FrameLimits.magic)
        hello.integer(FrameLimits.version)
        hello.integer(UInt32(ReceiveQueue.window))
        send(hello)
    }

    // MARK: - For the shell

    /// Takes bytes of the agent's.
    package mutating func receive(_ bytes: ByteBuffer) throws(AgentFault) {
        decoder.append(bytes)
        while let event = try decoder.next() { try handle(event) }
    }

    /// Frames for the agent, in order; empty when there are none.
    package mutating func takeFrames() -> [ByteBuffer] {
        let frames = queue.takeAll()
        wake(.backlog)
        wakeBlocked()
        return frames
    }

    /// Whether the agent knows INPUT.
    var canTellInput: Bool { greeting.map { $0.version >= FrameLimits.inputVersion } ?? false }

    /// Whether the agent knows BREAK, and END of a program's output.
    var canBreak: Bool { greeting.map { $0.version >= FrameLimits.breakVersion } ?? false }

    package var isBacklogged: Bool { queue.isBacklogged }

    package mutating func takeWoken() -> WaitKey? { woken.popFirst() }

    /// What the agent wants in the log.
    package mutating func takeLog() -> [(level: UInt8, text: String)] {
        defer { log = [] }
        return log
    }

    /// Nothing more will come or go; what was received can still be taken.
    package mutating func finish(_ error: any Error) {
        guard end == nil else { return }
        end = error
    }

    mutating func wake(_ event: WaitKey.Event, _ id: UInt32 = 0) {
        woken.append(WaitKey(event, id))
    }

    /// Lets the next sender go on that waits for room.
    mutating func wakeBlocked() {
        guard queue.hasRoomForData, let next = blocked.popFirst() else { return }
        wake(.room, next)
    }

    // MARK: - Frames to the agent

    /// `false` when it would be longer than frames may be.
    @discardableResult
    mutating func send(_ writer: FrameWriter) -> Bool {
        guard let frame = writer.frame else { return false }
        guard end == nil else { return true }
        queue.append(frame)
        wake(.frames)
        return true
    }

    mutating func send(_ kind: UInt8, _ id: UInt32) { send(FrameWriter(kind, id)) }

    package mutating func ping() {
        var frame = FrameWriter(FrameKind.ping, 0)
        frame.integer(pongs)
        send(frame)
    }

    /// A new id for something of ours; throws `TooManyIDs`.
    package mutating func claim(_ kind: AgentItem.Kind) throws -> UInt32 {
        if let end { throw end }
        let inUse = items.count { $0.key.isMultiple(of: 2) && !$0.value.isOver }
        guard let greeting, inUse < Self.mostIDs, lastID < .max - 2 else { throw TooManyIDs() }
        lastID += 2
        items[lastID] = AgentItem(kind, sendWindow: greeting.window)
        return lastID
    }

    /// Sends what there is room for: the rest, or `nil` when nothing could be sent.
    ///
    /// Bytes for something that takes none any more count as sent.
    package mutating func send(_ bytes: ByteBuffer, to id: UInt32) throws -> ByteBuffer? {
        if let end { throw end }
        var rest = bytes
        while rest.readableBytes > 0 {
            guard let item = items[id], !item.isOver, !item.closeSent, !item.closeReceived else {
                return ByteBuffer()
            }
            guard item.sendWindow > 0 else { break }
            guard queue.hasRoomForData else {
                blocked.append(id)
                break
            }
            let count = min(rest.readableBytes, Int(item.sendWindow), Self.longestData)
            guard let piece = rest.readSlice(length: count) else { break }
            item.sendWindow -= UInt32(count)
            if let untold = item.untold { item.untold = untold + count }
            queue.append(header: FrameWriter.dataHeader(id, 0, count: count), data: piece)
            wake(.frames)
        }
        wakeBlocked()
        return rest.readableBytes < bytes.readableBytes ? rest : nil
    }

    /// Ends what is sent to the id.
    package mutating func sendEnd(_ id: UInt32) {
        guard let item = items[id], !item.endSent, !item.closeSent, !item.isOver, end == nil else {
            return
        }
        item.endSent = true
        sendEnd(id, channel: 0)
    }

    /// Takes no more of a program's output: the agent closes it, if it knows how; what comes all
    /// the same is dropped.
    mutating func endOutput(_ id: UInt32) {
        guard let item = items[id], !item.isOver else { return }
        if canBreak, item.isProgram, !item.closeSent, !item.isOutputEnded, end == nil {
            item.isOutputEnded = true
            sendEnd(id, channel: 1)
            sendEnd(id, channel: 2)
        }
        discardOutput(id)
    }

    private mutating func sendEnd(_ id: UInt32, channel: UInt8) {
        var frame = FrameWriter(FrameKind.end, id)
        frame.integer(channel)
        send(frame)
    }

    /// Gives the id up; what comes for it is dropped.
    package mutating func close(_ id: UInt32) {
        guard let item = items[id] else { return }
        item.received.discard()
        for connection in item.waiting { abandon(connection.id) }
        item.waiting = []
        if !item.isOver, !item.closeSent {
            item.closeSent = true
            send(FrameKind.close, id)
        }
        for event in [WaitKey.Event.room, .output, .connection] { wake(event, id) }
        removeIfOver(id)
    }

    /// As `close`, and nobody will ask about it again.
    package mutating func abandon(_ id: UInt32) {
        items[id]?.isForgotten = true
        close(id)
    }

    mutating func removeIfOver(_ id: UInt32) {
        guard let item = items[id], item.isOver, item.isForgotten else { return }
        items[id] = nil
    }

    /// The next piece of the id's bytes, giving the agent its window back.
    package mutating func takePiece(_ id: UInt32) -> ReceiveQueue.Piece? {
        guard let piece = items[id]?.received.take() else { return nil }
        giveWindows(id)
        return piece
    }

    mutating func giveWindows(_ id: UInt32) {
        guard let item = items[id], !item.closeSent, !item.closeReceived else { return }
        for (channel, count) in item.received.dueWindows() {
            var frame = FrameWriter(FrameKind.window, id)
            frame.integer(channel)
            frame.integer(count)
            send(frame)
        }
    }

    // MARK: - What belongs to no id

    private mutating func handle(_ event: AgentEvent) throws(AgentFault) {
        guard greeting != nil else {
            guard case .hello(let version, let window, let process) = event,
                version <= FrameLimits.version
            else {
                throw .malformed(FrameKind.hello)
            }
            greeting = (version, window, process)
            return wake(.greeting)
        }
        switch event {
        case .hello: throw .unexpected(kind: FrameKind.hello, id: 0)
        case .ping(let body):
            var pong = FrameWriter(FrameKind.pong, 0, room: FrameLimits.longestPing)
            pong.raw(body.readableBytesView)
            send(pong)
        case .pong:
            pongs += 1
            wake(.pong)
        case .log(let level, let text):
            guard logLines < Self.mostLogLines else { return }
            logLines += 1
            log.append((level, text.printable))
        case .accepted(let id, let listener, let host, let port):
            try accepted(AcceptedConnection(id: id, host: host, port: port), by: listener)
        default: try handleItem(event)
        }
    }

    private mutating func accepted(
        _ connection: AcceptedConnection,
        by listener: UInt32
    ) throws(AgentFault) {
        let id = connection.id
        guard !id.isMultiple(of: 2), id > lastAcceptedID, wasGiven(listener) else {
            throw .unexpected(kind: FrameKind.accepted, id: id)
        }
        lastAcceptedID = id
        guard items.count < 4 * Self.mostIDs else { throw .tooManyConnections }
        let item = AgentItem(.connection, sendWindow: greeting?.window ?? 0)
        item.answer = .given(0)
        items[id] = item
        let target = items[listener]?.deliversTo ?? listener
        guard let place = items[target], place.kind == .listener, !place.closeSent,
            place.waiting.count < Self.mostWaiting
        else { return abandon(id) }
        place.waiting.append(connection)
        wake(.connection, target)
    }

    /// Whether the id is or was one; frames for those that have ended are ignored.
    func wasGiven(_ id: UInt32) -> Bool {
        id.isMultiple(of: 2) ? id > 0 && id <= lastID : id > 1 && id <= lastAcceptedID
    }
}

/// As many programs, connections and files of one container as there can be at a time.
struct TooManyIDs: Error {}
