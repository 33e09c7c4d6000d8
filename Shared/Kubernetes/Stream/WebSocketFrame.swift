import NIOCore

/// Takes what a server sends after the upgrade apart into frames (RFC 6455 §5.2).
///
/// A payload is handed on as it arrives, so its length is never a reason to reserve memory.
struct WebSocketDecoder {
    enum Event: Equatable {
        /// Bytes of a message; the first of each message is marked.
        case message(ByteBuffer, isStart: Bool)
        case messageEnd
        case ping(ByteBuffer)
        case pong
        /// The peer closes, with its code, or 1005 for none.
        case close(code: UInt16, reason: String)
    }

    private struct Header {
        let opcode: UInt8
        let isFinal: Bool
        let length: UInt64
        let size: Int
    }

    private enum State {
        case header
        case payload(remaining: UInt64, isFinal: Bool)
        case control(opcode: UInt8, length: Int)
    }

    private static let longestControl = 125

    private var state = State.header
    private var rest = ByteBuffer()
    /// Between the frames of one message.
    private var isInMessage = false
    private var isAtStart = true

    /// Whether the stream may end here.
    var isAtBoundary: Bool {
        if case .header = state { return rest.readableBytes == 0 && !isInMessage }
        return false
    }

    /// Takes the next bytes; answers what they hold.
    mutating func decode(_ bytes: ByteBuffer) throws(ClusterFault) -> [Event] {
        var input = bytes
        if rest.readableBytes > 0 {
            rest.writeBuffer(&input)
            input = rest
            rest = ByteBuffer()
        }
        var events: [Event] = []
        while true {
            switch state {
            case .header:
                guard let header = try Self.header(input) else {
                    rest = input
                    return events
                }
                input.moveReaderIndex(forwardBy: header.size)
                try begin(header, &events)
            case .payload(let remaining, let isFinal):
                let count = Int(min(remaining, UInt64(input.readableBytes)))
                guard count > 0, let piece = input.readSlice(length: count) else { return events }
                events.append(.message(piece, isStart: isAtStart))
                isAtStart = false
                let left = remaining - UInt64(count)
                state = left == 0 ? .header : .payload(remaining: left, isFinal: isFinal)
                if left == 0 { frameEnded(isFinal, &events) }
            case .control(let opcode, let length):
                guard let body = input.readSlice(length: length) else {
                    rest = input
                    return events
                }
                state = .header
                events.append(Self.control(opcode, body))
            }
        }
    }

    private mutating func begin(
        _ header: Header,
        _ events: inout [Event]
    ) throws(ClusterFault) {
        switch header.opcode {
        case 0:
            guard isInMessage else { throw .malformed("a continuation of nothing") }
        case 1, 2:
            guard !isInMessage else { throw .malformed("a message inside another") }
            isInMessage = true
            isAtStart = true
        case 8, 9, 10:
            guard header.isFinal, header.length <= Self.longestControl else {
                throw .malformed("a control frame that is too long or in parts")
            }
            state = .control(opcode: header.opcode, length: Int(header.length))
            return
        case let other: throw .malformed("a frame of the unknown kind \(other)")
        }
        guard header.length > 0 else { return frameEnded(header.isFinal, &events) }
        state = .payload(remaining: header.length, isFinal: header.isFinal)
    }

    private mutating func frameEnded(_ isFinal: Bool, _ events: inout [Event]) {
        guard isFinal else { return }
        isInMessage = false
        events.append(.messageEnd)
    }

    /// The head of a frame; `nil` while it is incomplete.
    private static func header(_ input: ByteBuffer) throws(ClusterFault) -> Header? {
        let start = input.readerIndex
        guard let first: UInt8 = input.getInteger(at: start),
            let second: UInt8 = input.getInteger(at: start + 1)
        else { return nil }
        guard first & 0x70 == 0 else { throw .malformed("a frame with unknown flags") }
        guard second & 0x80 == 0 else { throw .malformed("a server's frame with a mask") }
        let length: UInt64
        let size: Int
        switch second & 0x7F {
        case 126:
            guard let long: UInt16 = input.getInteger(at: start + 2) else { return nil }
            (length, size) = (UInt64(long), 4)
        case 127:
            guard let long: UInt64 = input.getInteger(at: start + 2) else { return nil }
            guard long >> 63 == 0 else { throw .malformed("a frame of impossible length") }
            (length, size) = (long, 10)
        case let short: (length, size) = (UInt64(short), 2)
        }
        return Header(
            opcode: first & 0x0F,
            isFinal: first & 0x80 != 0,
            length: length,
            size: size
        )
    }

    private static func control(_ opcode: UInt8, _ body: ByteBuffer) -> Event {
        var body = body
        switch opcode {
        case 9: return .ping(body)
        case 10: return .pong
        default:
            let code = body.readInteger(as: UInt16.self) ?? 1005
            return .close(
                code: code,
                reason: String(decoding: body.readableBytesView, as: UTF8.self)
            )
        }
    }
}

/// Makes a client's frames (RFC 6455 §5.3): whole messages, masked.
enum WebSocketEncoder {
    enum Kind: UInt8 {
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    /// One frame that holds `lead` and then the pieces.
    static func frame(_ kind: Kind, lead: [UInt8] = [], _ pieces: [ByteBuffer] = []) -> ByteBuffer {
        let count = pieces.reduce(lead.count) { $0 + $1.readableBytes }
        var frame = ByteBuffer()
        frame.reserveCapacity(count + 14)
        frame.writeInteger(0x80 | kind.rawValue)
        switch count {
        case ..<126: frame.writeInteger(0x80 | UInt8(count))
        case ..<65536:
            frame.writeInteger(0x80 | UInt8(126))
            frame.writeInteger(UInt16(count))
        default:
            frame.writeInteger(0x80 | UInt8(127))
            frame.writeInteger(UInt64(count))
        }
        let mask = UInt32.random(in: .min ... .max)
        frame.writeInteger(mask)
        let start = frame.writerIndex
        frame.writeBytes(lead)
        for piece in pieces { frame.writeImmutableBuffer(piece) }
        apply(mask, to: &frame, from: start)
        return frame
    }

    private static func apply(_ mask: UInt32, to frame: inout ByteBuffer, from start: Int) {
        let long = UInt64(mask.bigEndian)
        let double = long | long << 32
        let skipped = start - frame.readerIndex
        unsafe frame.withUnsafeMutableReadableBytes { bytes in
            let body = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[skipped...])
            var index = 0
            while index + 8 <= body.count {
                let word = unsafe body.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                unsafe body.storeBytes(of: word ^ double, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < body.count {
                unsafe body[index] ^= UInt8(truncatingIfNeeded: double >> ((index % 8) * 8))
                index += 1
            }
        }
    }
}
