import NIOCore

/// The kinds of frames of docs/agent-protocol.md.
enum FrameKind {
    static let hello: UInt8 = 1
    static let ping: UInt8 = 2
    static let pong: UInt8 = 3
    static let log: UInt8 = 4
    static let start: UInt8 = 16
    static let started: UInt8 = 17
    static let failed: UInt8 = 18
    static let exited: UInt8 = 19
    static let signal: UInt8 = 20
    static let resize: UInt8 = 21
    static let input: UInt8 = 23
    static let breakSignal: UInt8 = 24
    static let data: UInt8 = 32
    static let end: UInt8 = 33
    static let window: UInt8 = 34
    static let close: UInt8 = 35
    static let dial: UInt8 = 48
    static let opened: UInt8 = 49
    static let listen: UInt8 = 50
    static let listening: UInt8 = 51
    static let accepted: UInt8 = 52
    static let writeFile: UInt8 = 64
    static let written: UInt8 = 65
}

/// Bounds and constants of docs/agent-protocol.md.
enum FrameLimits {
    static let magic = Array("BERTH-AGENT".utf8)
    static let version: UInt16 = 2
    /// The first that knows INPUT.
    static let inputVersion: UInt16 = 2
    /// The first that knows BREAK, and END of a program's output.
    static let breakVersion: UInt16 = 2
    /// Of what follows the length.
    static let longest: UInt32 = 262_144
    /// The kind and the id.
    static let shortest: UInt32 = 5
    static let longestPing = 64
    /// Arguments, and variables, of one START.
    static let mostStrings = 4096
}

/// Writes one frame.
struct FrameWriter {
    private var buffer: ByteBuffer

    init(_ kind: UInt8, _ id: UInt32, room: Int = 16) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(9 + room)
        buffer.writeInteger(UInt32(0))
        buffer.writeInteger(kind)
        buffer.writeInteger(id)
    }

    mutating func integer(_ value: some FixedWidthInteger) { buffer.writeInteger(value) }

    mutating func raw(_ bytes: some Sequence<UInt8>) { buffer.writeBytes(bytes) }

    mutating func string(_ bytes: some Collection<UInt8>) {
        buffer.writeInteger(UInt32(truncatingIfNeeded: bytes.count))
        buffer.writeBytes(bytes)
    }

    /// The frame with its length filled in; `nil` if it is longer than frames may be.
    var frame: ByteBuffer? {
        var whole = buffer
        let length = buffer.readableBytes - 4
        guard length <= Int(FrameLimits.longest) else { return nil }
        whole.setInteger(UInt32(truncatingIfNeeded: length), at: whole.readerIndex)
        return whole
    }

    /// What stands before so many bytes of a channel.
    static func dataHeader(_ id: UInt32, _ channel: UInt8, count: Int) -> ByteBuffer {
        var header = ByteBuffer()
        header.reserveCapacity(10)
        header.writeInteger(UInt32(truncatingIfNeeded: count + 6))
        header.writeInteger(FrameKind.data)
        header.writeInteger(id)
        header.writeInteger(channel)
        return header
    }
}
