/// Lets through what a terminal shows and keeps back what makes it do something else.
///
/// What was recorded was once made for another terminal, by programs that nobody need trust.
/// Queries, to which a terminal answers as if somebody typed, and strings that set its title,
/// clipboard or keys (OSC, DCS and their like) are dropped; so are modes in which it sends
/// something by itself, such as reports of the mouse. See ECMA-48 and xterm's control sequences.
package struct TerminalFilter: Sendable {
    private enum State: Sendable {
        case ground
        /// After 0xC2, which may begin a control character of the upper range.
        case upper
        case escape
        /// After an escape with one of the bytes that wait for a last one.
        case intermediate
        case control
        /// Until BEL or ST.
        case string
        case stringEscape
    }

    private var state = State.ground
    private var held: [UInt8] = []
    /// Longer control sequences are no use to anybody.
    private static let longest = 128
    private static let finals = Set("ABCDEFGHIJKLMPSTXZ@`abdefgmrsu".utf8)
    /// Modes that change only what is seen.
    private static let modes: Set<String> = [
        "1", "3", "4", "5", "6", "7", "12", "20", "25", "45", "47", "1047", "1048", "1049", "2026",
    ]

    package init() {}

    /// The bytes of a piece that may be shown; sequences may be split over pieces.
    package mutating func pass(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        for byte in bytes { take(byte, &output) }
        return output
    }

    private mutating func take(_ byte: UInt8, _ output: inout [UInt8]) {
        switch state {
        case .ground: ground(byte, &output)
        case .upper:
            state = .ground
            // U+0080...U+009F, which some terminals take as the sequences of two bytes.
            if (0x80...0x9F).contains(byte) { return }
            output.append(0xC2)
            ground(byte, &output)
        case .escape: escape(byte, &output)
        case .intermediate:
            state = .ground
            if (0x30...0x7E).contains(byte) { output += [0x1B] + held + [byte] }
        case .control: control(byte, &output)
        case .string:
            if byte == 0x07 || byte == 0x18 || byte == 0x1A { state = .ground }
            if byte == 0x1B { state = .stringEscape }
        case .stringEscape: escape(byte, &output)
        }
    }

    private mutating func ground(_ byte: UInt8, _ output: inout [UInt8]) {
        switch byte {
        case 0x1B: state = .escape
        case 0xC2: state = .upper
        // ENQ asks for an answer.
        case 0x05: return
        default: output.append(byte)
        }
    }

    private mutating func escape(_ byte: UInt8, _ output: inout [UInt8]) {
        held = []
        switch byte {
        case UInt8(ascii: "["): state = .control
        case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"),
            UInt8(ascii: "_"), UInt8(ascii: "k"):
            state = .string
        case 0x20...0x2F:
            held = [byte]
            state = .intermediate
        case 0x1B: state = .escape
        case UInt8(ascii: "7"), UInt8(ascii: "8"), UInt8(ascii: "D"), UInt8(ascii: "E"),
            UInt8(ascii: "H"), UInt8(ascii: "M"), UInt8(ascii: "c"), UInt8(ascii: "="),
            UInt8(ascii: ">"):
            state = .ground
            output += [0x1B, byte]
        default: state = .ground
        }
    }

    private mutating func control(_ byte: UInt8, _ output: inout [UInt8]) {
        switch byte {
        case 0x40...0x7E:
            state = .ground
            if isHarmless(byte) { output += [0x1B, UInt8(ascii: "[")] + held + [byte] }
        case 0x20...0x3F:
            if held.count < Self.longest { held.append(byte) } else { state = .ground }
        case 0x1B: state = .escape
        // Controls take effect within a sequence (ECMA-48 §5.4); the sequence goes on.
        case 0x07...0x0D: output.append(byte)
        default: state = .ground
        }
    }

    private func isHarmless(_ final: UInt8) -> Bool {
        if final == UInt8(ascii: "h") || final == UInt8(ascii: "l") {
            let text = String(decoding: held, as: UTF8.self)
            let names = text.drop { $0 == "?" }.split(separator: ";").map(String.init)
            return !names.isEmpty && names.allSatisfy(Self.modes.contains)
        }
        if final == UInt8(ascii: "q") { return held.last == 0x20 }
        if final == UInt8(ascii: "p") { return held == [UInt8(ascii: "!")] }
        guard Self.finals.contains(final) else { return false }
        return held.allSatisfy { (0x30...0x3B).contains($0) }
    }
}
