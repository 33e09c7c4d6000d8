import CAgent

/// The container's first process for Berth's gateway; see docs/agent-protocol.md.
final class InitServer {
    let poller = Poller()
    private(set) var window: UInt32 = 0
    var programs: [UInt32: ProgramItem] = [:]
    var connections: [UInt32: ConnectionItem] = [:]
    var listeners: [UInt32: ListenerItem] = [:]
    var files: [UInt32: FileItem] = [:]
    /// Connections that are being made, by id, with the descriptor that tells.
    var dials: [UInt32: Int32] = [:]
    var pids: [Int32: UInt32] = [:]
    private var nextOwnID: UInt32 = 1
    private var isGreeted = false
    private var signals: Int32 = -1
    /// When programs that still run are killed, and that it has been done.
    private var killAt: Int64?
    private var isOver = false
    lazy var link = Link(
        poller,
        received: { [self] frame throws(Violation) in try received(frame) },
        ended: { [self] in finish(signal: SIGHUP, within: 1000) }
    )

    private static let magic: StaticString = "BERTH-AGENT"
    private static let version: UInt16 = 1
    /// Of either direction.
    static let mostIDs = 1024
    static let windows: ClosedRange<UInt32> = 4096...(16 << 20)

    /// Serves until the gateway is gone or a signal asks for the end; returns the exit status.
    func run() -> Int32 {
        signals = agent_signal_descriptor()
        guard signals >= 0 else { return 1 }
        poller.whenReadable(signals) { [self] in readSignals() }
        link.start()
        while !isOver { turn() }
        link.flush(200)
        for listener in listeners.values { listener.close() }
        return 0
    }

    private func turn() {
        let now = agent_milliseconds()
        guard let killAt else { return poller.wait(-1) }
        if programs.isEmpty || programs.values.allSatisfy({ $0.isEnded }) {
            isOver = true
        } else if now >= killAt {
            for program in programs.values { program.signal(SIGKILL) }
            // What cannot be killed ends with the container.
            isOver = now >= killAt + 1000
            poller.wait(100)
        } else {
            poller.wait(Int32(min(killAt - now, 100)))
        }
    }

    /// Tells the programs to end, and kills them after some milliseconds.
    private func finish(signal: Int32, within milliseconds: Int64) {
        let time = agent_milliseconds() + milliseconds
        if let before = killAt, before <= time { return }
        killAt = time
        for program in programs.values { program.signal(signal) }
    }

    // MARK: Signals

    private func readSignals() {
        while true {
            switch agent_next_signal(signals) {
            case 0: return
            case SIGCHLD: reap()
            default: finish(signal: SIGTERM, within: 10_000)
            }
        }
    }

    /// Collects ended children: the programs, and orphans as process 1 has to.
    private func reap() {
        while true {
            var kind: Int32 = 0
            var number: Int32 = 0
            let pid = unsafe agent_reap(&kind, &number)
            guard pid > 0 else { return }
            guard let id = pids.removeValue(forKey: pid), let program = programs[id] else {
                continue
            }
            program.isEnded = true
            var frame = FrameWriter(FrameKind.exited, id)
            frame.byte(UInt8(truncatingIfNeeded: kind))
            frame.number(UInt32(truncatingIfNeeded: number))
            link.send(frame)
            settle(id)
        }
    }

    // MARK: Frames

    private func received(_ frame: Frame) throws(Violation) {
        var body = frame.body
        guard isGreeted else {
            guard frame.kind == FrameKind.hello else { throw Violation(text: "no HELLO") }
            return try greet(&body)
        }
        switch frame.kind {
        case FrameKind.ping:
            guard body.rest.count <= 64 else { throw Violation(text: "a PING is too long") }
            var pong = FrameWriter(FrameKind.pong, frame.id)
            pong.raw(Array(body.rest))
            link.send(pong)
        case FrameKind.pong: break
        case FrameKind.start: try start(frame.id, &body)
        case FrameKind.dial: try dial(frame.id, &body)
        case FrameKind.listen: try listen(frame.id, &body)
        case FrameKind.writeFile: try writeFile(frame.id, &body)
        case FrameKind.data: try receivedData(frame.id, &body)
        case FrameKind.end: try receivedEnd(frame.id, &body)
        case FrameKind.window: try receivedWindow(frame.id, &body)
        case FrameKind.close: receivedClose(frame.id)
        case FrameKind.signal, FrameKind.resize, FrameKind.kill:
            try control(frame.kind, frame.id, &body)
        default: throw Violation(text: "a frame of an unknown kind")
        }
    }

    private func greet(_ body: inout BodyReader) throws(Violation) {
        for expected in bytes(Self.magic) {
            guard try body.byte() == expected else { throw Violation(text: "not a HELLO") }
        }
        let version = try body.short()
        window = try body.number()
        try body.requireEnd()
        guard Self.windows.contains(window) else { throw Violation(text: "no such window") }
        isGreeted = version >= Self.version
        var hello = FrameWriter(FrameKind.hello, 0)
        hello.raw(bytes(Self.magic))
        hello.short(isGreeted ? Self.version : 0)
        hello.number(window)
        hello.number(UInt32(truncatingIfNeeded: agent_process_id()))
        link.send(hello)
        guard isGreeted else { throw Violation(text: "the gateway speaks no version of ours") }
    }

    // MARK: Ids

    /// Whether the gateway may use this id for something new.
    func claim(_ id: UInt32) throws(Violation) {
        guard id != 0, id % 2 == 0 else { throw Violation(text: "an id that is not the gateway's") }
        guard !isUsed(id) else { throw Violation(text: "an id that is in use") }
    }

    var hasRoom: Bool {
        programs.count + connections.count + listeners.count + files.count + dials.count
            < 2 * Self.mostIDs
    }

    /// An id for a connection that was accepted here.
    func newID() -> UInt32 {
        repeat { nextOwnID &+= 2 } while isUsed(nextOwnID)
        return nextOwnID
    }

    private func isUsed(_ id: UInt32) -> Bool {
        programs[id] != nil || connections[id] != nil || listeners[id] != nil || files[id] != nil
            || dials[id] != nil
    }

    func fail(_ id: UInt32, _ number: Int32) {
        var frame = FrameWriter(FrameKind.failed, id)
        frame.number(UInt32(truncatingIfNeeded: number))
        frame.string(errorText(number))
        link.send(frame)
    }

    func sendClose(_ id: UInt32) { link.send(FrameWriter(FrameKind.close, id)) }
}
