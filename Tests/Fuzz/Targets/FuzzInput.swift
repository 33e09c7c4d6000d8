import NIOCore

/// Cuts the bytes of one run into decisions and messages.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    /// The next byte, 0 at the end.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Bytes behind a length of two bytes, as many as are there.
    mutating func message() -> ByteBuffer {
        let length = Int(byte()) << 8 | Int(byte())
        let piece = rest.prefix(length)
        rest = rest.dropFirst(length)
        return ByteBuffer(bytes: piece)
    }

    /// Everything that is left.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
