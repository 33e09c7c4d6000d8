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
    private let whenEnded: () -> Void

    private static let piece = 64 * 1024

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

    private func resume() {
        guard !isEnded, window > 0, !waitsForRoom else { return }
        link.poller.whenReadable(descriptor.number) { [self] in read() }
    }

    private func read() {
        let (bytes, count) = readBytes(descriptor.number, min(Self.piece, window))
        guard count != -Int(EAGAIN) else { return }
        // A terminal whose programs are gone says EIO.
        guard count > 0 else { return end() }
        window -= count
        var frame = FrameWriter(FrameKind.data, id, room: count + 1)
        frame.byte(channel)
        frame.raw(bytes)
        link.send(frame)
        if window == 0 || link.isFull { link.poller.whenReadable(descriptor.number, nil) }
        guard link.isFull, !waitsForRoom else { return }
        waitsForRoom = true
        link.onceThereIsRoom { [self] in
            waitsForRoom = false
            resume()
        }
    }
}
