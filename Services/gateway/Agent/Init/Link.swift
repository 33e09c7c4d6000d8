import CAgent

/// The stream to the gateway: frames in from standard input, frames out to standard output.
final class Link {
    let poller: Poller
    private var reader = FrameReader()
    private var output = ByteQueue()
    private var isWriting = false
    /// Called for each frame.
    private let received: (Frame) throws(Violation) -> Void
    /// Called once, when the gateway is gone or does not keep to the protocol.
    private let ended: () -> Void
    private var isEnded = false
    /// Called when there is room again after `isFull`.
    private var whenRoom: [() -> Void] = []

    /// Beyond this much unwritten output programs are not read.
    private static let most = 1 << 20
    private static let piece = 128 * 1024

    init(
        _ poller: Poller,
        received: @escaping (Frame) throws(Violation) -> Void,
        ended: @escaping () -> Void
    ) {
        self.poller = poller
        self.received = received
        self.ended = ended
        _ = agent_set_nonblocking(0)
        _ = agent_set_nonblocking(1)
    }

    func start() { poller.whenReadable(0) { self.read() } }

    /// Whether who produces data should wait, see `onceThereIsRoom`.
    var isFull: Bool { output.count > Self.most }

    func onceThereIsRoom(_ body: @escaping () -> Void) { whenRoom.append(body) }

    func send(_ frame: FrameWriter) {
        guard !isEnded else { return }
        output.append(frame.bytes)
        if !isWriting { write() }
    }

    /// Writes what still waits, for at most `milliseconds`.
    func flush(_ milliseconds: Int64) {
        let deadline = agent_milliseconds() + milliseconds
        while isWriting, !isEnded, agent_milliseconds() < deadline { poller.wait(50) }
    }

    private func read() {
        let (piece, count) = readBytes(0, Self.piece)
        guard count != -Int(EAGAIN) else { return }
        guard count > 0 else { return end() }
        reader.append(piece)
        do throws(Violation) {
            while !isEnded, let frame = try reader.next() { try received(frame) }
        } catch {
            printLine(2, bytes("berth-agent: ") + bytes(error.text))
            end()
        }
    }

    private func write() {
        while !output.isEmpty {
            let written = output.write(to: 1)
            if written == -Int(EAGAIN) { break }
            guard written >= 0 else { return end() }
        }
        if output.isEmpty == isWriting {
            isWriting = !output.isEmpty
            poller.whenWritable(1, isWriting ? { self.write() } : nil)
        }
        guard output.count < Self.most / 2, !whenRoom.isEmpty else { return }
        let waiting = whenRoom
        whenRoom = []
        for body in waiting { body() }
    }

    private func end() {
        guard !isEnded else { return }
        isEnded = true
        poller.forget(0)
        poller.forget(1)
        output.removeAll()
        ended()
    }
}
