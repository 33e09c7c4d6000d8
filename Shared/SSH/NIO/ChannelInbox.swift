import DequeModule
import NIOCore

/// What arrived on one channel and waits for its reader; the window bounds it.
struct ChannelInbox {
    struct Part: Sendable {
        var stream: OutputStream
        var bytes: ByteBuffer
    }

    private var parts = Deque<Part>()
    /// No more bytes follow because the peer has said so.
    private(set) var isAtEnd = false
    /// No more bytes follow because the channel is closed.
    private(set) var isClosed = false

    /// Packets up to this size are copied together, so that a peer that sends single bytes cannot
    /// make a window's worth of them cost many times their size.
    private static let smallPart = 4096
    private static let largestPart = 65536

    var isEmpty: Bool { parts.isEmpty }
    var byteCount: Int { parts.reduce(0) { $0 + $1.bytes.readableBytes } }

    mutating func append(_ bytes: ByteBuffer, _ stream: OutputStream) {
        guard let last = parts.indices.last, parts[last].stream == stream,
            bytes.readableBytes <= Self.smallPart,
            parts[last].bytes.readableBytes + bytes.readableBytes <= Self.largestPart
        else {
            parts.append(Part(stream: stream, bytes: bytes))
            return
        }
        parts[last].bytes.writeImmutableBuffer(bytes)
    }

    mutating func ended() { isAtEnd = true }

    mutating func closed() { isClosed = true }

    mutating func popFirst() -> Part? { parts.popFirst() }
}
