/// One frame of docs/agent-protocol.md.
struct Frame {
    var kind: UInt8
    var id: UInt32
    var body: BodyReader
}

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
    static let kill: UInt8 = 22
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

/// The peer does not keep to the protocol; the connection ends.
struct Violation: Error {
    let text: StaticString
}

/// Takes frames off what was read.
struct FrameReader {
    static let maximumLength = 262_144
    private var input = InputBuffer(longest: maximumLength + 4)

    /// Reads what there is: how many bytes, 0 at the end, or -errno.
    mutating func fill(from descriptor: Int32) -> Int { input.fill(from: descriptor) }

    /// The next whole frame.
    mutating func next() throws(Violation) -> Frame? {
        guard input.count >= 4 else { return nil }
        let length = input.number
        guard length >= 5, length <= Self.maximumLength else {
            throw Violation(text: "a frame's length is out of range")
        }
        guard input.count >= 4 + length else { return nil }
        var body = BodyReader(input.take(4 + length).dropFirst(4))
        let kind = try body.byte()
        let id = try body.number()
        return Frame(kind: kind, id: id, body: body)
    }
}

/// Reads the fields of a frame's body.
struct BodyReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func byte() throws(Violation) -> UInt8 {
        guard let byte = rest.popFirst() else { throw Violation(text: "a frame is too short") }
        return byte
    }

    mutating func short() throws(Violation) -> UInt16 {
        let high = try byte()
        return UInt16(high) << 8 | UInt16(try byte())
    }

    mutating func number() throws(Violation) -> UInt32 {
        let high = try short()
        return UInt32(high) << 16 | UInt32(try short())
    }

    mutating func long() throws(Violation) -> UInt64 {
        let high = try number()
        return UInt64(high) << 32 | UInt64(try number())
    }

    mutating func string() throws(Violation) -> [UInt8] {
        let length = Int(try number())
        guard length <= rest.count else { throw Violation(text: "a frame is too short") }
        let bytes = Array(rest.prefix(length))
        rest = rest.dropFirst(length)
        return bytes
    }

    /// A string that a system call takes: without NUL.
    mutating func name() throws(Violation) -> [UInt8] {
        let bytes = try string()
        guard !bytes.contains(0) else { throw Violation(text: "a name contains a NUL") }
        return bytes
    }

    /// A count and so many strings without NUL.
    mutating func names() throws(Violation) -> [[UInt8]] {
        let count = Int(try short())
        var list: [[UInt8]] = []
        for _ in 0..<count { list.append(try name()) }
        return list
    }

    func requireEnd() throws(Violation) {
        guard rest.isEmpty else { throw Violation(text: "a frame is too long") }
    }
}

/// Writes a frame; `bytes` is whole once all fields are appended.
struct FrameWriter {
    private var buffer: [UInt8]

    init(_ kind: UInt8, _ id: UInt32, room: Int = 16) {
        buffer = []
        buffer.reserveCapacity(9 + room)
        number(0)
        byte(kind)
        number(id)
    }

    mutating func byte(_ value: UInt8) { buffer.append(value) }

    mutating func short(_ value: UInt16) {
        buffer.append(UInt8(truncatingIfNeeded: value >> 8))
        buffer.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func number(_ value: UInt32) {
        short(UInt16(truncatingIfNeeded: value >> 16))
        short(UInt16(truncatingIfNeeded: value))
    }

    mutating func raw(_ bytes: [UInt8]) { buffer.append(contentsOf: bytes) }

    /// The beginning of a DATA frame for so many bytes.
    static func dataHeader(_ id: UInt32, _ channel: UInt8, _ count: Int) -> [UInt8] {
        var header = FrameWriter(FrameKind.data, id)
        header.byte(channel)
        return header.bytes(followedBy: count)
    }

    static let dataHeaderLength = 10

    mutating func string(_ bytes: [UInt8]) {
        number(UInt32(truncatingIfNeeded: bytes.count))
        raw(bytes)
    }

    /// The frame with its length filled in.
    var bytes: [UInt8] { bytes(followedBy: 0) }

    private func bytes(followedBy count: Int) -> [UInt8] {
        var whole = buffer
        let length = UInt32(truncatingIfNeeded: buffer.count - 4 + count)
        for place in 0..<4 {
            whole[place] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * place))
        }
        return whole
    }
}
