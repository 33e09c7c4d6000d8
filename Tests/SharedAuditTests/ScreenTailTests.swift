import NIOCore
import SharedAudit
import Testing

@Suite struct ScreenTailTests {
    private func replay(_ pieces: String...) -> String {
        var tail = ScreenTail()
        for piece in pieces { tail.write(ByteBuffer(string: piece)) }
        return String(buffer: tail.replay())
    }

    private static let empty = "\u{1B}[H\u{1B}[2J"

    @Test("what was written is shown on an empty screen, with its colours")
    func shown() {
        let text = "\u{1B}[31mred\u{1B}[0m\r\n$ "
        #expect(replay(text) == Self.empty + text)
        #expect(replay() == Self.empty)
    }

    @Test(
        "what a terminal would answer to is not repeated, and what it sends by itself is on again"
    )
    func questions() {
        let text = replay(
            "a\u{1B}[6n\u{1B}[?1000",
            "h\u{1B}[?2004hb\u{1B}]0;title\u{7}c\u{1B}[?2004l"
        )
        #expect(text == Self.empty + "abc\u{1B}[?1000h\u{1B}[?2004l")
    }

    @Test("the end of much output begins with a line, in the modes that were set before")
    func bounded() {
        var tail = ScreenTail()
        tail.write(ByteBuffer(string: "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?1002h"))
        for number in 0..<100_000 { tail.write(ByteBuffer(string: "line \(number)\r\n")) }
        let text = String(buffer: tail.replay())
        #expect(text.utf8.count < 200_000)
        let start = Self.empty + "\u{1B}[?25l\u{1B}[?1049h"
        #expect(text.hasPrefix(start))
        #expect(text.dropFirst(start.count).hasPrefix("line "))
        #expect(text.hasSuffix("line 99999\r\n\u{1B}[?1002h"))
    }

    @Test("a reset forgets the modes before it; one endless line is cut anywhere")
    func resets() {
        var tail = ScreenTail()
        tail.write(ByteBuffer(string: "\u{1B}[?1049h\u{1B}c"))
        tail.write(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1_000_000))
        let text = String(buffer: tail.replay())
        #expect(text.hasPrefix(Self.empty + "xxx"))
        #expect(text.utf8.count < 200_000)
    }
}
