import NIOCore
import SharedSSH

/// Typed bytes of which it is not known yet whether the terminal shows them.
///
/// What it does not show becomes `*`, byte for byte; ends of lines stay. Beyond a limit, and where
/// no terminal ever took them, bytes count as hidden.
struct UndecidedInput {
    static let limit = 256 << 10

    private var isWatching = false
    private var bytes = ByteBuffer()
    /// Bytes beyond the limit, which are not waited for.
    private var givenUp = 0

    mutating func begin() { isWatching = true }

    /// Takes bytes that were read; answers what is to be recorded now.
    mutating func add(_ more: ByteBuffer) -> ByteBuffer? {
        guard isWatching else { return more }
        bytes.writeImmutableBuffer(more)
        let excess = bytes.readableBytes - Self.limit
        guard excess > 0 else { return nil }
        givenUp += excess
        return take(excess)?.hidden
    }

    /// Takes what the terminal tells; answers what is to be recorded now.
    mutating func decide(_ input: TypedInput) -> ByteBuffer? {
        let late = min(givenUp, input.count)
        givenUp -= late
        let decided = take(input.count - late)
        return input.isHidden ? decided?.hidden : decided
    }

    /// The rest.
    mutating func end() -> ByteBuffer? {
        givenUp += bytes.readableBytes
        return take(bytes.readableBytes)?.hidden
    }

    private mutating func take(_ count: Int) -> ByteBuffer? {
        guard count > 0, bytes.readableBytes > 0 else { return nil }
        let taken = bytes.readSlice(length: min(count, bytes.readableBytes))
        // What was taken is still read by others: the rest moves to memory of its own.
        bytes = ByteBuffer(bytes: bytes.readableBytesView)
        return taken
    }
}

extension ByteBuffer {
    fileprivate var hidden: ByteBuffer {
        ByteBuffer(
            bytes: readableBytesView.map { byte in
                byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: "*")
            }
        )
    }
}
