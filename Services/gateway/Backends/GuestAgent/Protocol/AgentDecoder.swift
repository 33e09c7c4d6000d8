import NIOCore

/// Cuts what an agent writes into events.
///
/// The bytes of DATA are handed on as they arrive, without a copy; of every other frame, at most
/// one is kept until it is whole.
struct AgentDecoder {
    private enum State {
        case frame
        case data(UInt32, channel: UInt8, remaining: Int)
    }

    private var state = State.frame
    /// The beginning of a frame.
    private var part = ByteBuffer()
    private var input = ByteBuffer()

    private static let dataHeader = 10

    /// Takes the next bytes; `next()` has to have answered `nil` before.
    mutating func append(_ bytes: ByteBuffer) { input = bytes }

    /// The next event, or `nil` when more bytes are needed.
    mutating func next() throws(AgentFault) -> AgentEvent? {
        while true {
            switch state {
            case .data(let id, let channel, let remaining):
                let count = min(remaining, input.readableBytes)
                guard count > 0, let piece = input.readSlice(length: count) else { return nil }
                state =
                    count == remaining
                    ? .frame : .data(id, channel: channel, remaining: remaining - count)
                return .data(id, channel: channel, piece)
            case .frame:
                guard collect(5), let length = part.getInteger(at: 0, as: UInt32.self),
                    let kind = part.getInteger(at: 4, as: UInt8.self)
                else { return nil }
                guard (FrameLimits.shortest...FrameLimits.longest).contains(length) else {
                    throw .length(length)
                }
                guard kind == FrameKind.data else {
                    guard collect(4 + Int(length)) else { return nil }
                    return try event(kind)
                }
                guard try beginData(length) else { return nil }
            }
        }
    }

    private mutating func beginData(_ length: UInt32) throws(AgentFault) -> Bool {
        // At least one byte.
        guard length > 6 else { throw .malformed(FrameKind.data) }
        guard collect(Self.dataHeader), let id = part.getInteger(at: 5, as: UInt32.self),
            let channel = part.getInteger(at: 9, as: UInt8.self)
        else { return false }
        part.clear()
        state = .data(id, channel: channel, remaining: Int(length) - 6)
        return true
    }

    private mutating func event(_ kind: UInt8) throws(AgentFault) -> AgentEvent {
        part.moveReaderIndex(to: 5)
        let id = part.readInteger(as: UInt32.self) ?? 0
        let body = part.slice()
        part.clear()
        return try AgentEvent(kind, id, body)
    }

    /// Whether so many bytes of the frame are there now.
    private mutating func collect(_ count: Int) -> Bool {
        let missing = count - part.writerIndex
        guard missing > 0 else { return true }
        guard var more = input.readSlice(length: min(missing, input.readableBytes)) else {
            return false
        }
        part.writeBuffer(&more)
        return part.writerIndex >= count
    }
}
