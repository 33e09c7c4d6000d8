import CAgent

/// The container's first process for Berth's gateway; see docs/agent-protocol.md.
final class InitServer {
    let poller = Poller()
    private(set) var window: UInt32 = 0
    var programs: [UInt32: ProgramItem] = [:]
    var connections: [UInt32: ConnectionItem] = [:]
    var listeners: [UInt32: ListenerItem] = [:]
    var files: [UInt32: FileItem] = [:]
    /// Connections that are being made.
    var dials: [UInt32: DialItem] = [:]
    var pids: [Int32: UInt32] = [:]
    /// The highest id of each side so far.
    private var lastGatewayID: UInt32 = 0
    private var lastOwnID: UInt32 = 1
    /// How many of the agent's own ids are in use.
    var ownCount = 0
    /// Listeners wait until an id of the agent's own is free again.
    var waitsForOwnID = false
    private var isGreeted = false
    private var signals: Int32 = -1
    /// When programs that still run are killed.
    private var killAt: Int64?
    /// When those are told that do not care for SIGTERM, like a shell that somebody types to.
    private var hangUpAt: Int64?
    private var isOver = false
    private var status: Int32 = 0
    /// The way to the gateway that spares the engine.
    private var socket: Int32?
    lazy var link = Link(
        poller,
        socket: socket,
        received: { [self] frame throws(Violation) in try received(frame) },
        ended: { [self] in
            if $0 != nil { status = 1 }
            finish(SIGHUP, within: 1000)
        }
    )

    private static let magic: StaticString = "BERTH-AGENT"
    private static let version: UInt16 = 2
    /// Of either direction.
    static let mostIDs = 1024
    static let windows: ClosedRange<UInt32> = 4096...(16 << 20)

    /// Serves until the gateway is gone or a signal asks for the end; returns the exit status.
    ///
    /// `place` is the path of a socket of the gateway's; where it cannot be connected to, standard
    /// input and output do.
    func run(at place: [UInt8]?) -> Int32 {
        agent_hide()
        if let place {
            let connected = unsafe withCString(place) { unsafe agent_connect($0) }
            if connected >= 0 { socket = connected }
        }
        agent_raise_limits()
        signals = agent_signal_descriptor()
        guard signals >= 0 else { return 1 }
        poller.whenReadable(signals) { [self] in readSignals() }
        link.start()
        while !isOver {
            turn()
            link.write()
        }
        link.flush(200)
        for listener in listeners.values { listener.close() }
        for dial in dials.values { dial.cancel(poller) }
        for file in files.values { file.cancel() }
        return status
    }

    private func turn() {
        guard let killAt else { return poller.wait(-1) }
        let now = agent_milliseconds()
        if let time = hangUpAt, now >= time {
            hangUpAt = nil
            for program in programs.values { program.signal(SIGHUP) }
        }
        if programs.values.allSatisfy({ link.isGone ? $0.isEnded : $0.isFinished }) {
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
    private func finish(_ signal: Int32, within milliseconds: Int64) {
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
            default:
                hangUpAt = hangUpAt ?? agent_milliseconds() + 1000
                finish(SIGTERM, within: 5000)
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
            for dial in dials.values where dial.pid == pid { dial.pid = 0 }
            guard let id = pids.removeValue(forKey: pid), let program = programs[id] else {
                continue
            }
            program.isEnded = true
            var frame = FrameWriter(FrameKind.exited, id)
            frame.byte(UInt8(truncatingIfNeeded: kind))
            frame.number(UInt32(truncatingIfNeeded: number))
            link.send(frame)
            if program.terminal != nil {
                program.input?.drop()
                program.output?.endWhenEmpty()
            }
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
        default: try receivedAbout(frame.kind, frame.id, &body)
        }
    }

    /// What is about an id that is known.
    private func receivedAbout(
        _ kind: UInt8,
        _ id: UInt32,
        _ body: inout BodyReader
    ) throws(Violation) {
        let isGiven = id != 0 && id <= (id % 2 == 0 ? lastGatewayID : lastOwnID)
        guard isGiven, id != 1 else { throw Violation(text: "an id that was not given") }
        switch kind {
        case FrameKind.data: try receivedData(id, &body)
        case FrameKind.end: try receivedEnd(id, &body)
        case FrameKind.window: try receivedWindow(id, &body)
        case FrameKind.close:
            try body.requireEnd()
            receivedClose(id)
        case FrameKind.signal, FrameKind.resize, FrameKind.kill, FrameKind.breakSignal:
            try control(kind, id, &body)
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
        isGreeted = version > 0
        var hello = FrameWriter(FrameKind.hello, 0)
        hello.raw(bytes(Self.magic))
        hello.short(min(version, Self.version))
        hello.number(window)
        hello.number(UInt32(truncatingIfNeeded: agent_process_id()))
        link.send(hello)
        guard isGreeted else { throw Violation(text: "the gateway speaks no version of ours") }
    }

    // MARK: Ids

    /// Whether the gateway may use this id for something new.
    func claim(_ id: UInt32) throws(Violation) {
        guard id % 2 == 0 else { throw Violation(text: "an id that is not the gateway's") }
        guard id > lastGatewayID else { throw Violation(text: "an id that was used before") }
        lastGatewayID = id
    }

    /// Whether the gateway may have one thing more.
    var hasRoom: Bool {
        programs.count + connections.count - ownCount + listeners.count + files.count + dials.count
            < Self.mostIDs
    }

    var hasOwnRoom: Bool { ownCount < Self.mostIDs }

    /// An id for a connection that was accepted here.
    func newID() -> UInt32 {
        // Only 2³¹ connections on they could meet.
        repeat { lastOwnID &+= 2 } while lastOwnID < 3 || connections[lastOwnID] != nil
        return lastOwnID
    }

    func fail(_ id: UInt32, _ number: Int32, _ text: [UInt8]? = nil) {
        var frame = FrameWriter(FrameKind.failed, id)
        frame.number(UInt32(truncatingIfNeeded: number))
        frame.string(text ?? errorText(number))
        link.send(frame)
    }

    func sendClose(_ id: UInt32) { link.send(FrameWriter(FrameKind.close, id)) }
}
