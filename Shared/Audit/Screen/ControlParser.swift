/// Takes a terminal's output apart into characters and control sequences (ECMA-48 §5).
struct ControlParser: Sendable {
    enum Action: Sendable, Hashable {
        case print(Unicode.Scalar)
        case control(UInt8)
        /// ESC and one byte.
        case escape(UInt8)
        /// CSI: the final byte, the numbers, and the private prefix if there is one.
        case sequence(UInt8, [Int], UInt8?)
    }

    private enum State {
        case ground
        case escape
        case intermediate
        case sequence
        /// Until BEL or ST.
        case string
    }

    private var state = State.ground
    private var numbers: [Int] = []
    private var prefix: UInt8?
    private var isIgnored = false
    private var partial: [UInt8] = []
    private static let numberLimit = 16
    private static let valueLimit = 65_535

    mutating func take(_ byte: UInt8) -> Action? {
        switch state {
        case .ground: return ground(byte)
        case .escape: return escape(byte)
        case .intermediate:
            if byte >= 0x30 { state = .ground }
            return nil
        case .sequence: return sequence(byte)
        case .string:
            switch byte {
            case 0x07, 0x18, 0x1A: state = .ground
            case 0x1B: state = .escape
            default: break
            }
            return nil
        }
    }

    private mutating func ground(_ byte: UInt8) -> Action? {
        if byte < 0x20 || byte == 0x7F {
            partial = []
            guard byte == 0x1B else { return .control(byte) }
            state = .escape
            return nil
        }
        guard byte >= 0x80 || !partial.isEmpty else { return .print(Unicode.Scalar(byte)) }
        partial.append(byte)
        let length = UTF8Sequence.length(at: partial)
        if length == partial.count {
            defer { partial = [] }
            return String(decoding: partial, as: UTF8.self).unicodeScalars.first.map(Action.print)
        }
        if UTF8Sequence.incompleteSuffix(of: partial) == partial.count { return nil }
        // Not UTF-8: one replacement, and the byte that broke it may begin something.
        let isAlone = partial.count == 1
        partial = []
        return isAlone || byte >= 0x80 ? .print("\u{FFFD}") : .print(Unicode.Scalar(byte))
    }

    private mutating func escape(_ byte: UInt8) -> Action? {
        state = .ground
        switch byte {
        case UInt8(ascii: "["):
            state = .sequence
            numbers = []
            prefix = nil
            isIgnored = false
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"),
            UInt8(ascii: "_"):
            state = .string
        case 0x20...0x2F: state = .intermediate
        case 0x1B: state = .escape
        case 0x30...0x7E: return .escape(byte)
        default: break
        }
        return nil
    }

    private mutating func sequence(_ byte: UInt8) -> Action? {
        switch byte {
        case 0x30...0x39:
            if numbers.isEmpty { numbers = [0] }
            let last = numbers.count - 1
            numbers[last] = min(Self.valueLimit, numbers[last] * 10 + Int(byte - 0x30))
        case 0x3A, 0x3B:
            if numbers.isEmpty { numbers = [0] }
            if numbers.count < Self.numberLimit { numbers.append(0) } else { isIgnored = true }
        case 0x3C...0x3F: prefix = byte
        // Sequences with intermediate bytes set looks, not text.
        case 0x20...0x2F: isIgnored = true
        case 0x40...0x7E:
            state = .ground
            return isIgnored ? nil : .sequence(byte, numbers, prefix)
        case 0x1B: state = .escape
        case 0x08...0x0D: return .control(byte)
        case 0x18, 0x1A: state = .ground
        default: break
        }
        return nil
    }
}
