import CAgent

/// The stream to the gateway: frames in from standard input, frames out to standard output; or both
/// over a socket, once the gateway was heard on either.
final class Link {
    let poller: Poller
    private var reader = FrameReader()
    private var output = ByteQueue(keeps: Link.most)
    private var isWriting = false
    private var isReading = false
    /// Nothing more is received or sent.
    private var isEnded = false
    /// Nothing more can be written.
    private var isBroken = false
    /// Where frames come from.
    private var source: Int32 = 0
    private let destination: Int32
    /// The way that spares the engine, where there is one.
    private let socket: Int32?
    /// Called for each frame.
    private let received: (Frame) throws(Violation) -> Void
    /// Called once, when the gateway is gone (`nil`) or does not keep to the protocol.
    private let ended: (Violation?) -> Void
    /// Called when there is room again after `isFull`.
    private var whenRoom: [() -> Void] = []

    /// Beyond this much unwritten output programs are not read, and beyond twice as much the
    /// gateway's frames neither.
    private static let most = 1 << 20

    init(
        _ poller: Poller,
        socket: Int32?,
        received: @escaping (Frame) throws(Violation) -> Void,
        ended: @escaping (Violation?) -> Void
    ) {
        self.poller = poller
        self.socket = socket
        destination = socket ?? 1
        self.received = received
        self.ended = ended
        for descriptor: Int32 in 0...1 {
            _ = agent_set_nonblocking(descriptor)
            if socket == nil { agent_enlarge_pipe(descriptor) }
        }
    }

    func start() {
        resumeReading()
        guard let socket else { return }
        poller.whenReadable(socket) { [self] in
            useSocket()
            read()
        }
    }

    /// From now on frames come by the socket; standard input only tells when the gateway is gone.
    private func useSocket() {
        guard let socket, source != socket else { return }
        source = socket
        reader = FrameReader()
        poller.whenReadable(0) { [self] in
            let (_, count) = readBytes(0, 4096)
            if count <= 0, count != -Int(EAGAIN) { end(nil) }
        }
        resumeReading()
    }

    /// Whether nobody hears what is sent.
    var isGone: Bool { isEnded }

    /// Whether who produces data should wait, see `onceThereIsRoom`.
    var isFull: Bool { output.count > Self.most }

    func onceThereIsRoom(_ body: @escaping () -> Void) { whenRoom.append(body) }

    /// Sends a frame, at the latest with the next `write`.
    func send(_ frame: FrameWriter) {
        if !isEnded { output.append(frame.bytes) }
    }

    /// Reads a descriptor once and sends what there is as DATA: how much, 0 at its end, or -errno.
    func sendData(_ id: UInt32, _ channel: UInt8, from descriptor: Int32, room: Int) -> Int {
        output.append(
            from: descriptor,
            room: room,
            header: { FrameWriter.dataHeader(id, channel, $0) },
            headerLength: FrameWriter.dataHeaderLength
        )
    }

    /// Writes what was sent, as far as the gateway takes it now.
    func write() {
        while !isBroken, !output.isEmpty {
            let written = output.write(to: destination)
            if written == -Int(EAGAIN) { break }
            guard written >= 0 else { return end(nil) }
        }
        if output.isEmpty == isWriting {
            isWriting = !output.isEmpty
            // The loop writes after each turn.
            poller.whenWritable(destination, isWriting ? {} : nil)
        }
        if !isReading, !isEnded, output.count <= Self.most { resumeReading() }
        guard output.count <= Self.most / 2, !whenRoom.isEmpty else { return }
        let waiting = whenRoom
        whenRoom = []
        for body in waiting { body() }
    }

    /// Writes what still waits, for at most `milliseconds`.
    func flush(_ milliseconds: Int64) {
        let deadline = agent_milliseconds() + milliseconds
        write()
        while isWriting, agent_milliseconds() < deadline {
            poller.wait(50)
            write()
        }
    }

    private func resumeReading() {
        isReading = true
        poller.whenReadable(source) { self.read() }
    }

    private func read() {
        let count = reader.fill(from: source)
        guard count != -Int(EAGAIN) else { return }
        guard count > 0 else { return end(nil) }
        var isHeard = false
        do throws(Violation) {
            while !isEnded, let frame = try reader.next() {
                isHeard = true
                try received(frame)
            }
        } catch {
            report(error)
            end(error)
        }
        guard !isEnded else { return }
        if isHeard { useSocket() }
        guard output.count > 2 * Self.most else { return }
        isReading = false
        poller.whenReadable(source, nil)
    }

    private func report(_ violation: Violation) {
        var frame = FrameWriter(FrameKind.log, 0)
        frame.byte(3)
        frame.string(bytes(violation.text))
        send(frame)
    }

    private func end(_ violation: Violation?) {
        guard !isEnded else { return }
        isEnded = true
        poller.whenReadable(0, nil)
        poller.whenReadable(source, nil)
        if violation == nil {
            isBroken = true
            isWriting = false
            poller.forget(destination)
            output.removeAll()
        }
        ended(violation)
    }
}
