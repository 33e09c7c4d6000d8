import Testing

@testable import SharedAudit

@Suite struct PlaybackTests {
    private let second: Int64 = 1_000_000_000

    private func pauses(_ playback: Playback, _ times: [Int64]) -> [Duration] {
        var playback = playback
        return times.map { playback.pause(before: $0 * second) }
    }

    @Test("pauses are those of the recording, divided by the speed")
    func speed() {
        let list = pauses(Playback(speed: 4), [10, 11, 11, 15])
        #expect(list == [.zero, .milliseconds(250), .zero, .seconds(1)])
    }

    @Test("long pauses are cut before they are sped up")
    func cut() {
        let list = pauses(Playback(speed: 2, longestPause: .seconds(2)), [0, 3600, 3601])
        #expect(list == [.zero, .seconds(1), .milliseconds(500)])
    }

    @Test("what came before the beginning is shown at once")
    func from() {
        let list = pauses(Playback(from: .seconds(5)), [100, 102, 104, 106, 107])
        #expect(list == [.zero, .zero, .zero, .seconds(1), .seconds(1)])
    }

    @Test("a clock that went backwards makes no pause and is not waited for twice")
    func backwards() {
        #expect(pauses(Playback(), [10, 5, 11]) == [.zero, .zero, .seconds(1)])
        var extreme = Playback(from: .seconds(1 << 40))
        #expect(extreme.pause(before: .max) == .zero)
        #expect(extreme.pause(before: .min) == .zero)
    }
}

@Suite struct TerminalFilterTests {
    private func pass(_ text: String) -> String {
        var filter = TerminalFilter()
        return String(decoding: filter.pass(Array(text.utf8)), as: UTF8.self)
    }

    @Test(
        "what is only seen passes",
        arguments: [
            "ls\r\n\u{8}\t€ä漢", "\u{1B}[31;1mred\u{1B}[0m", "\u{1B}[2J\u{1B}[10;5H\u{1B}[K",
            "\u{1B}[?1049h\u{1B}[?25l", "\u{1B}(B\u{1B}7\u{1B}8\u{1B}M", "\u{1B}[2 q",
            "\u{1B}[!p", "\u{1B}[38;2;1;2;3m",
        ]
    )
    func harmless(text: String) { #expect(pass(text) == text) }

    @Test(
        "what makes a terminal answer, or changes more than what is seen, is kept back",
        arguments: [
            "\u{1B}[c", "\u{1B}[6n", "\u{1B}[>c", "\u{1B}[18t", "\u{5}", "\u{1B}Z",
            "\u{1B}]52;c;ZXZpbA==\u{7}", "\u{1B}]0;title\u{1B}\\", "\u{1B}P$q\"p\u{1B}\\",
            "\u{1B}_x\u{1B}\\", "\u{1B}^x\u{1B}\\", "\u{1B}[?1000h", "\u{1B}[?2004h",
            "\u{1B}[5i", "\u{9B}6n".replacing("6n", with: ""), "\u{1B}[>1u", "\u{1B}[?1;1004h",
        ]
    )
    func harmful(text: String) { #expect(pass("a\(text)b") == "ab") }

    @Test("sequences split over pieces are judged as a whole")
    func split() {
        var filter = TerminalFilter()
        let bytes = Array("x\u{1B}]52;c;AA\u{7}y\u{1B}[31mz\u{1B}[6n€".utf8)
        let shown = bytes.flatMap { filter.pass([$0]) }
        #expect(String(decoding: shown, as: UTF8.self) == "xy\u{1B}[31mz€")
    }

    @Test("a sequence cut by another one does not hide it")
    func cut() {
        #expect(pass("\u{1B}]0;t\u{1B}]52;c;AA\u{7}b") == "b")
        #expect(pass("\u{1B}[1\u{1B}[6nb") == "b")
    }
}
