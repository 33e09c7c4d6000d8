import CAgent

/// Writes the DATA of one channel to a descriptor, and gives the gateway window for what was
/// written.
///
/// Bytes for a reader that is gone are dropped, as a pipe's reader may close early.
final class Sink {
    private let link: Link
    private let id: UInt32
    private let channel: UInt8
    private var descriptor: Descriptor?
    private let isSocket: Bool
    /// A terminal's: the gateway is told what became of the bytes.
    private let tellsInput: Bool
    private var queue = ByteQueue()
    private var window: Int
    private var owed = 0
    private let size: Int
    private var endReceived = false
    private let whenDone: () -> Void

    /// Nothing more will be written.
    private(set) var isDone = false

    /// END has come, and bytes from before it wait for their reader.
    var isDraining: Bool { endReceived && !isDone }

    init(
        _ link: Link,
        _ id: UInt32,
        _ channel: UInt8,
        _ descriptor: Descriptor,
        isSocket: Bool,
        tellsInput: Bool = false,
        window: UInt32,
        whenDone: @escaping () -> Void
    ) {
        self.link = link
        self.id = id
        self.channel = channel
        self.descriptor = descriptor
        self.isSocket = isSocket
        self.tellsInput = tellsInput
        self.window = Int(window)
        size = Int(window)
        self.whenDone = whenDone
    }

    func receive(_ bytes: ArraySlice<UInt8>) throws(Violation) {
        guard !endReceived else { throw Violation(text: "DATA after END") }
        guard bytes.count <= window else { throw Violation(text: "DATA beyond the window") }
        window -= bytes.count
        guard let descriptor, !isDone else { return lose(bytes.count) }
        guard queue.isEmpty else { return queue.append(bytes) }
        let isHidden = tellsInput && agent_hides_input(descriptor.number) != 0
        let written = unsafe bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return 0 }
            return unsafe agent_write(descriptor.number, base, all.count)
        }
        guard written >= 0 || written == -Int(EAGAIN) else { return lose(bytes.count) }
        tell(max(written, 0), isHidden)
        credit(max(written, 0))
        guard max(written, 0) < bytes.count else { return }
        queue.append(bytes.dropFirst(max(written, 0)))
        link.poller.whenWritable(descriptor.number) { [self] in write() }
    }

    /// What is queued is still written, then the descriptor's writing side ends.
    func receiveEnd() {
        guard !endReceived else { return }
        endReceived = true
        if queue.isEmpty { finish() }
    }

    /// Nobody reads any more what still comes.
    func drop() {
        let dropped = queue.count
        queue.removeAll()
        lose(dropped)
    }

    private func write() {
        guard let descriptor else { return }
        let isHidden = tellsInput && agent_hides_input(descriptor.number) != 0
        let written = queue.write(to: descriptor.number)
        guard written != -Int(EAGAIN) else { return }
        guard written >= 0 else { return drop() }
        tell(written, isHidden)
        credit(written)
        guard queue.isEmpty else { return }
        link.poller.whenWritable(descriptor.number, nil)
        if endReceived { finish() }
    }

    /// The reader is gone.
    private func lose(_ count: Int) {
        finish()
        tell(count, true)
        credit(count)
    }

    /// What nobody reads is not shown either.
    private func tell(_ count: Int, _ isHidden: Bool) {
        guard tellsInput, count > 0 else { return }
        var frame = FrameWriter(FrameKind.input, id)
        frame.byte(isHidden ? 1 : 0)
        frame.number(UInt32(truncatingIfNeeded: count))
        link.send(frame)
    }

    private func finish() {
        guard !isDone else { return }
        isDone = true
        if let descriptor {
            link.poller.whenWritable(descriptor.number, nil)
            if isSocket { _ = agent_end_writing(descriptor.number) }
        }
        // A pipe ends when its last holder lets go; a terminal's master is held by its source.
        descriptor = nil
        whenDone()
    }

    private func credit(_ count: Int) {
        owed += count
        guard owed >= size / 4, owed > 0 else { return }
        var frame = FrameWriter(FrameKind.window, id)
        frame.byte(channel)
        frame.number(UInt32(truncatingIfNeeded: owed))
        window += owed
        owed = 0
        link.send(frame)
    }
}
