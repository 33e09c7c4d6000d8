package import NIOCore

/// The end of what a program wrote to a terminal, to be shown again on another one.
///
/// What a terminal would answer to is left out of that (`TerminalFilter`), and modes that were set
/// before what is kept begins are set again.
package struct ScreenTail: Sendable {
    /// Many screens full.
    private static let limit = 96 << 10
    /// Lines longer than this are cut anywhere.
    private static let longestLine = 4 << 10
    /// In which a terminal sends something by itself: reports of mouse and focus, marks around what
    /// is pasted.
    private static let inputModes: Set<Int> = [
        9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004,
    ]
    /// Which change what is seen: cursor keys, wrapping, the cursor, the other screen.
    private static let outputModes: Set<Int> = [1, 7, 25, 47, 1047, 1049]

    private var bytes = ByteBuffer()
    /// As they were where `bytes` begins.
    private var modes = TerminalModes(Self.inputModes.union(Self.outputModes))
    private var isCut = false

    package init() {}

    /// Takes more output.
    package mutating func write(_ data: ByteBuffer) {
        bytes.writeImmutableBuffer(data)
        // Seldom, so that little is moved.
        if bytes.readableBytes > 2 * Self.limit { cut(bytes.readableBytes - Self.limit) }
    }

    private mutating func cut(_ count: Int) {
        let rest = bytes.readableBytesView.dropFirst(count).prefix(Self.longestLine)
        let line = rest.firstIndex(of: 0x0A).map { $0 - rest.startIndex + 1 } ?? 0
        guard let dropped = bytes.readSlice(length: count + line) else { return }
        modes.take(dropped.readableBytesView)
        bytes.discardReadBytes()
        isCut = true
    }

    /// What brings another terminal to where this one is: an empty screen and what was written.
    package func replay() -> ByteBuffer {
        var result = ByteBuffer()
        // Cursor home, erase (ECMA-48 §8.3.21, §8.3.39).
        result.writeString("\u{1B}[H\u{1B}[2J")
        if isCut { result.writeString(modes.settings(of: Self.outputModes)) }
        var filter = TerminalFilter()
        result.writeBytes(filter.pass(bytes.readableBytesView))
        var now = modes
        now.take(bytes.readableBytesView)
        result.writeString(now.settings(of: Self.inputModes))
        return result
    }
}

/// Which of a terminal's private modes a program has set and reset (DECSET and DECRST).
private struct TerminalModes: Sendable {
    private enum State: Sendable {
        case ground
        case escape
        case control([UInt8])
    }

    private static let longest = 64

    private let known: Set<Int>
    private var state = State.ground
    private var values: [Int: Bool] = [:]

    init(_ known: Set<Int>) { self.known = known }

    mutating func take(_ bytes: ByteBufferView) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if case .ground = state {
                guard let escape = rest.firstIndex(of: 0x1B) else { return }
                state = .escape
                rest = rest[(escape + 1)...]
            } else {
                next(rest.removeFirst())
            }
        }
    }

    private mutating func next(_ byte: UInt8) {
        switch (state, byte) {
        case (_, 0x1B): state = .escape
        case (.escape, UInt8(ascii: "[")): state = .control([])
        case (.escape, UInt8(ascii: "c")):
            // A full reset.
            values = [:]
            state = .ground
        case (.control(let held), 0x30...0x3F) where held.count < Self.longest:
            state = .control(held + [byte])
        case (.control(let held), 0x68), (.control(let held), 0x6C):
            note(held, isSet: byte == 0x68)
            state = .ground
        default: state = .ground
        }
    }

    private mutating func note(_ held: [UInt8], isSet: Bool) {
        guard held.first == UInt8(ascii: "?") else { return }
        let numbers = String(decoding: held.dropFirst(), as: UTF8.self).split(separator: ";")
        for number in numbers.compactMap({ Int($0) }) where known.contains(number) {
            values[number] = isSet
        }
    }

    /// The sequences that set and reset these modes again, where a program did.
    func settings(of some: Set<Int>) -> String {
        values.filter { some.contains($0.key) }.sorted { $0.key < $1.key }
            .map { "\u{1B}[?\($0.key)\($0.value ? "h" : "l")" }.joined()
    }
}
