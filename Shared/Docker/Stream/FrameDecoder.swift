import NIOCore

/// Where a piece of a container's output came from.
package enum EngineOutput: Sendable, Hashable {
    case stdout
    case stderr
}

/// A stream that breaks the engine's framing.
package enum FrameError: Error, Sendable, Hashable {
    /// The first byte of a frame's header is none of the known streams.
    case unknownStream(UInt8)
    /// The bytes 1...3 of a frame's header are not zero.
    case paddingNotZero
    /// The stream ended inside a frame.
    case endedInsideFrame
    /// The engine itself reports a failure on its stream (type 3), in these words.
    case reported(String)
}

/// Cuts the stream of a program without terminal into output and errors.
///
/// A frame is a header of eight bytes and a payload: stream number (1 output, 2 errors; 0, input,
/// counts as output), three zero bytes, the payload's length as a big-endian `UInt32` (Engine API,
/// "Attach to a container"). A payload is handed on as it arrives, so its length is never a reason
/// to reserve memory.
struct FrameDecoder {
    private enum State {
        case header
        case payload(EngineOutput, remaining: Int)
        case report(remaining: Int)
    }

    /// The longest text of a failure that is kept.
    private static let longestReport = 1024

    private var state = State.header
    private var rest = ByteBuffer()
    private var report = ByteBuffer()

    /// Whether the stream may end here.
    var isAtBoundary: Bool {
        if case .header = state { return rest.readableBytes == 0 }
        return false
    }

    /// Takes the next bytes; answers what they hold for a reader.
    mutating func decode(
        _ bytes: ByteBuffer
    ) throws(FrameError) -> [(output: EngineOutput, bytes: ByteBuffer)] {
        var input = bytes
        if rest.readableBytes > 0 {
            rest.writeBuffer(&input)
            input = rest
            rest = ByteBuffer()
        }
        var pieces: [(output: EngineOutput, bytes: ByteBuffer)] = []
        while true {
            switch state {
            case .header:
                guard input.readableBytes >= 8 else {
                    rest = input
                    return pieces
                }
                try readHeader(&input)
            case .payload(let output, let remaining):
                guard let piece = Self.take(remaining, from: &input) else { return pieces }
                pieces.append((output, piece))
                let left = remaining - piece.readableBytes
                state = left == 0 ? .header : .payload(output, remaining: left)
            case .report(let remaining):
                guard var piece = Self.take(remaining, from: &input) else { return pieces }
                let left = remaining - piece.readableBytes
                report.writeBuffer(&piece)
                guard left > 0, report.readableBytes < Self.longestReport else {
                    let text = report.readString(
                        length: min(report.readableBytes, Self.longestReport)
                    )
                    throw .reported(text ?? "")
                }
                state = .report(remaining: left)
            }
        }
    }

    private mutating func readHeader(_ input: inout ByteBuffer) throws(FrameError) {
        guard let word = input.readInteger(as: UInt32.self),
            let length = input.readInteger(as: UInt32.self)
        else { return }
        guard word & 0x00FF_FFFF == 0 else { throw .paddingNotZero }
        let remaining = Int(length)
        switch UInt8(word >> 24) {
        case 0, 1: state = remaining == 0 ? .header : .payload(.stdout, remaining: remaining)
        case 2: state = remaining == 0 ? .header : .payload(.stderr, remaining: remaining)
        case 3:
            guard remaining > 0 else { throw .reported("") }
            state = .report(remaining: remaining)
        case let other: throw .unknownStream(other)
        }
    }

    private static func take(_ limit: Int, from input: inout ByteBuffer) -> ByteBuffer? {
        guard input.readableBytes > 0 else { return nil }
        return input.readSlice(length: min(limit, input.readableBytes))
    }
}
