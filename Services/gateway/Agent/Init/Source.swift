import CAgent

/// Reads a descriptor and sends what it reads as DATA of one channel, within the window.
final class Source {
    private let link: Link
    private let id: UInt32
    private let channel: UInt8
    private let descriptor: Descriptor
    /// What the gateway still takes.
    private var window: Int
    private(set) var isEnded = false
    private var waitsForRoom = false
    private var endsWhenEmpty = false
    private let whenEnded: () -> Void

    private static let piece = 128 * 1024

    init(
        _ link: Link,
        _ id: UInt32,
        _ channel: UInt8,
        _ descriptor: Descriptor,
        window: UInt32,
        whenEnded: @escaping () -> Void
    ) {
        self.link = link
        self.id = id
        self.channel = channel
        self.descriptor = descriptor
        self.window = Int(window)
        self.whenEnded = whenEnded
        resume()
    }

    func add(window count: UInt32) throws(Violation) {
        window += Int(count)
        guard window <= Int(UInt32.max) else { throw Violation(text: "a window is too large") }
        resume()
    }

    /// Reads nothing more; END is sent, unless it was.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        link.poller.whenReadable(descriptor.number, nil)
        var frame = FrameWriter(FrameKind.end, id)
        frame.byte(channel)
        link.send(frame)
        whenEnded()
    }

    /// As `end`, and nobody can write to it any more.
    func close() {
        descriptor.close()
        guard !isEnded else { return }
        isEnded = true
        var frame = FrameWriter(FrameKind.end, id)
        frame.byte(channel)
        link.send(frame)
        whenEnded()
    }

    /// Sends what is there, then END: what others may still write to a terminal when its program
    /// has ended is nobody's.
    func endWhenEmpty() {
        endsWhenEmpty = true
        resume()
    }

    private func resume() {
        guard !isEnded, !waitsForRoom else { return }
        link.poller.whenReadable(descriptor.number) { [self] in read() }
        while endsWhenEmpty, !isEnded, window > 0, !waitsForRoom { read() }
        if endsWhenEmpty, window == 0 { read() }
    }

    private func read() {
        guard window > 0 else { return readNothing() }
        guard !link.isFull else { return waitForRoom() }
        let room = min(Self.piece, window)
        let count = link.sendData(id, channel, from: descriptor.number, room: room)
        guard count != -Int(EAGAIN) else {
            if endsWhenEmpty, agent_has_bytes(descriptor.number) == 0 { end() }
            return
        }
        // A terminal whose programs are gone says EIO.
        guard count > 0 else { return end() }
        window -= count
    }

    /// Without a window only the end can be told.
    private func readNothing() {
        guard agent_has_bytes(descriptor.number) != 0 else { return end() }
        link.poller.whenReadable(descriptor.number, nil)
    }

    private func waitForRoom() {
        link.poller.whenReadable(descriptor.number, nil)
        guard !waitsForRoom else { return }
        waitsForRoom = true
        link.onceThereIsRoom { [self] in
            waitsForRoom = false
            resume()
        }
    }
}
