import NIOCore
import SharedSSH

/// What an agent says.
enum AgentEvent: Hashable {
    case hello(version: UInt16, window: UInt32, process: UInt32)
    case ping(ByteBuffer)
    case pong(ByteBuffer)
    case log(level: UInt8, text: ByteBuffer)
    case started(UInt32, process: UInt32)
    case failed(UInt32, AgentRefusal)
    case exited(UInt32, AgentExit)
    case input(UInt32, TypedInput)
    /// Some bytes of a DATA frame, whose others come with the next events.
    case data(UInt32, channel: UInt8, ByteBuffer)
    case end(UInt32, channel: UInt8)
    case window(UInt32, channel: UInt8, count: UInt32)
    case close(UInt32)
    case opened(UInt32)
    case listening(UInt32, port: UInt16)
    case accepted(UInt32, listener: UInt32, host: String, port: UInt16)
    case written(UInt32)
}

/// Why an agent did not do what it was asked for.
package struct AgentRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// A Linux errno, as in errno(3).
    package let number: UInt32
    /// The agent's words: printable, one line, some hundred characters at most.
    package let text: String

    package init(number: UInt32, text: String) {
        self.number = number
        self.text = text
    }

    package var description: String { "\(text) (errno \(number))" }

    /// ENOENT: there is no such file.
    package var isMissing: Bool { number == 2 }
}

/// How a process ended.
struct AgentExit: Hashable, Sendable {
    enum Kind: UInt8 {
        case status = 0
        case signal = 1
        case signalWithCore = 2
    }

    let kind: Kind
    let number: UInt32
}

extension AgentEvent {
    /// Reads the body of any kind but DATA.
    init(_ kind: UInt8, _ id: UInt32, _ body: ByteBuffer) throws(AgentFault) {
        var reader = BodyReader(kind, body)
        switch kind {
        case FrameKind.hello: self = try reader.hello()
        case FrameKind.ping: self = .ping(try reader.rest(atMost: FrameLimits.longestPing))
        case FrameKind.pong: self = .pong(try reader.rest(atMost: FrameLimits.longestPing))
        case FrameKind.log: self = .log(level: try reader.integer(), text: try reader.string())
        case FrameKind.started: self = .started(id, process: try reader.integer())
        case FrameKind.failed:
            let number: UInt32 = try reader.integer()
            let text = try reader.string().printable
            self = .failed(id, AgentRefusal(number: number, text: text))
        case FrameKind.exited: self = .exited(id, try reader.exit())
        case FrameKind.input: self = .input(id, try reader.input())
        case FrameKind.end: self = .end(id, channel: try reader.integer())
        case FrameKind.window:
            self = .window(id, channel: try reader.integer(), count: try reader.integer())
        case FrameKind.close: self = .close(id)
        case FrameKind.opened: self = .opened(id)
        case FrameKind.listening: self = .listening(id, port: try reader.integer())
        case FrameKind.accepted:
            let listener: UInt32 = try reader.integer()
            let host = try reader.string().printable
            self = .accepted(id, listener: listener, host: host, port: try reader.integer())
        case FrameKind.written: self = .written(id)
        default: throw .unknownKind(kind)
        }
        try reader.requireEnd()
    }
}

/// Reads the fields of a body.
private struct BodyReader {
    private let kind: UInt8
    private var bytes: ByteBuffer

    init(_ kind: UInt8, _ bytes: ByteBuffer) {
        self.kind = kind
        self.bytes = bytes
    }

    mutating func integer<Value: FixedWidthInteger>() throws(AgentFault) -> Value {
        guard let value = bytes.readInteger(as: Value.self) else { throw .malformed(kind) }
        return value
    }

    mutating func string() throws(AgentFault) -> ByteBuffer {
        let length: UInt32 = try integer()
        guard let slice = bytes.readSlice(length: Int(length)) else { throw .malformed(kind) }
        return slice
    }

    mutating func rest(atMost limit: Int) throws(AgentFault) -> ByteBuffer {
        guard bytes.readableBytes <= limit else { throw .malformed(kind) }
        defer { bytes.clear() }
        return bytes
    }

    mutating func hello() throws(AgentFault) -> AgentEvent {
        let magic = bytes.readBytes(length: FrameLimits.magic.count)
        guard magic == FrameLimits.magic else { throw .malformed(kind) }
        return .hello(version: try integer(), window: try integer(), process: try integer())
    }

    mutating func exit() throws(AgentFault) -> AgentExit {
        guard let how = AgentExit.Kind(rawValue: try integer()) else { throw .malformed(kind) }
        return AgentExit(kind: how, number: try integer())
    }

    mutating func input() throws(AgentFault) -> TypedInput {
        let flag: UInt8 = try integer()
        let count: UInt32 = try integer()
        guard flag < 2, count > 0 else { throw .malformed(kind) }
        return TypedInput(count: Int(count), isHidden: flag == 1)
    }

    func requireEnd() throws(AgentFault) {
        guard bytes.readableBytes == 0 else { throw .malformed(kind) }
    }
}

extension ByteBuffer {
    private static let longestText = 300

    /// Text for a log or a person: control characters would steer their terminal.
    var printable: String {
        let text = String(decoding: readableBytesView.prefix(Self.longestText), as: UTF8.self)
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: " "
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
