import DequeModule
import NIOCore

/// Frames on their way to the transport.
struct SendQueue {
    /// Beyond this much, senders of DATA wait.
    private static let mostData = 512 << 10
    /// Beyond this much that is no DATA, nothing more is read from the agent: it asks for more
    /// answers than it takes.
    private static let mostControl = 1 << 20

    private var frames: Deque<ByteBuffer> = []
    private var dataCount = 0
    private var controlCount = 0

    var isEmpty: Bool { frames.isEmpty }
    var hasRoomForData: Bool { dataCount < Self.mostData }
    var isBacklogged: Bool { controlCount > Self.mostControl }

    mutating func append(_ frame: ByteBuffer) {
        controlCount += frame.readableBytes
        frames.append(frame)
    }

    mutating func append(header: ByteBuffer, data: ByteBuffer) {
        dataCount += data.readableBytes
        frames.append(header)
        frames.append(data)
    }

    mutating func takeAll() -> [ByteBuffer] {
        defer {
            frames.removeAll(keepingCapacity: true)
            dataCount = 0
            controlCount = 0
        }
        return Array(frames)
    }
}
