import NIOCore
import Testing

@testable import SharedAudit

/// What a terminal showed, as lines.
@Suite struct TerminalScreenTests {
    private func lines(
        _ output: String,
        columns: UInt32 = 20,
        rows: UInt32 = 4,
        isPlain: Bool = false
    ) -> [String] {
        let size = AuditEvent.Size(columns: columns, rows: rows)
        var screen = TerminalScreen(size: isPlain ? nil : size)
        // Byte by byte, as sequences and characters may be split anywhere.
        for byte in output.utf8 { screen.write(ByteBuffer(bytes: [byte]), at: 1) }
        return screen.finish().map(\.text)
    }

    @Test(
        "lines are what was seen",
        arguments: [
            ("a\r\nb\r\n", ["a", "b"]),
            ("50%\r100%\r\n", ["50%", "100%"]),
            ("secret\r\u{1B}[Kplain\r\n", ["secret", "plain"]),
            ("lx\u{8}s\r\n", ["ls"]),
            ("abc\u{1B}[2D\u{1B}[Kx\r\n", ["abc", "ax"]),
            ("\u{1B}[31mred\u{1B}[0m\r\n", ["red"]),
            ("\u{1B}]0;title\u{7}text\u{1B}]2;t\u{1B}\\!\r\n", ["text!"]),
            ("a\tb\r\n", ["a       b"]),
            ("\u{1B}[2;3Hx\u{1B}[1;1Hy", ["x", "y"]),
            ("one\u{1B}[2Jtwo", ["one", "two"]),
            ("\u{1B}[?1049hvi\u{1B}[?1049lsh\r\n", ["vi", "sh"]),
            ("12345678901234567890ab\r\n", ["12345678901234567890", "ab"]),
            ("x漢字y\r\n", ["x漢字y"]), ("e\u{301}\r\n", ["e\u{301}"]),
            ("abcdef\u{1B}[4D\u{1B}[2P\u{1B}[1@\r\n", ["ab ef"]),
            ("a\r\nb\r\nc\r\nd\r\ne\r\nf", ["a", "b", "c", "d", "e", "f"]),
            ("\u{1B}[2;3rA\u{1B}[3;1Hx\r\ny\r\nz", ["A", "x", "y", "z"]),
            ("a\u{1B}[1;1H\u{1B}Mb", ["a", "b"]),
            ("\u{1B}[99999999999999999999;9Hq", ["q"]), ("\u{FFFD}ok\r\n", ["\u{FFFD}ok"]),
        ] as [(String, [String])]
    )
    func shown(output: String, expected: [String]) { #expect(lines(output) == expected) }

    @Test("without a terminal a line feed begins a line")
    func plain() { #expect(lines("a\nb\nc", isPlain: true) == ["a", "b", "c"]) }

    @Test("random bytes and sizes never trap, and the memory is that of the screen")
    func random() {
        var generator = SeededGenerator(state: 3)
        let alphabet = Array("\u{1B}\u{1B}[[;;0123456789?HJKABCDLMPSTX@rhldsu78\r\n\tabc漢".utf8)
        for _ in 0..<300 {
            var screen = TerminalScreen(
                size: .init(columns: .random(in: 0...9), rows: .random(in: 0...9))
            )
            for _ in 0..<400 {
                let byte =
                    Bool.random(using: &generator)
                    ? alphabet.randomElement(using: &generator) ?? 0
                    : UInt8.random(in: 0...255, using: &generator)
                screen.write(ByteBuffer(bytes: [byte]), at: 0)
                if Int.random(in: 0..<100, using: &generator) == 0 {
                    screen.resize(to: .init(columns: .random(in: 0...9), rows: .max), at: 0)
                }
            }
            #expect(screen.finish().allSatisfy { $0.text.unicodeScalars.count < 90_000 })
        }
    }
}

@Suite struct RecordedTextTests {
    private func text(_ events: [AuditEvent]) -> [RecordedText.Piece] {
        var text = RecordedText()
        for (index, event) in events.enumerated() {
            let id = String(repeating: "0", count: 32)
            text.append(
                AuditMessage(
                    connectionID: id,
                    timestamp: Int64(index),
                    channelID: 3,
                    event: event
                )
            )
        }
        return text.finish()
    }

    private func typed(_ text: String) -> AuditEvent { .io(.stdin, ByteBuffer(string: text)) }
    private func shown(_ text: String) -> AuditEvent { .io(.stdout, ByteBuffer(string: text)) }

    private let shell: [AuditEvent] = [
        .newChannelAccepted(type: "session"),
        .terminal(requestID: 0, term: "xterm", size: .init(columns: 80, rows: 3), modes: nil),
        .shell(requestID: 1),
    ]

    @Test("a line that was typed is a command as the shell showed it, completed or pasted")
    func commands() {
        let pieces = text(
            shell + [
                shown("$ "), typed("c"), shown("c"), typed("a\t"), shown("at /etc/passwd "),
                typed("\r"), shown("\r\nroot:x:0\r\n$ "), typed("whoami\r"),
                shown("whoami\r\nroot\r\n$ "), typed("\u{1B}[A"), shown("uptime"), typed("\r"),
                shown("\r\n"),
            ]
        )
        let commands = pieces.filter { $0.kind == .command }.map(\.text)
        #expect(commands == ["cat /etc/passwd", "whoami", "uptime"])
        let screen = pieces.filter { $0.kind == .screen }.map(\.text)
        #expect(screen.contains("root:x:0") && screen.contains("$ cat /etc/passwd"))
        #expect(pieces.first { $0.text == "cat /etc/passwd" }?.time == 8)
    }

    @Test("what is typed without echo is no command")
    func password() {
        let pieces = text(
            shell + [shown("Password: "), typed("hunter2\r"), shown("\r\n$ ")]
        )
        #expect(pieces.allSatisfy { $0.kind == .screen && !$0.text.contains("hunter2") })
    }

    @Test("what is typed into an editor or a pager is no command, and what follows is one")
    func fullScreen() {
        let pieces = text(
            shell + [
                shown("$ "), typed("v"), shown("vi"), typed("i\r"),
                shown("\r\n\u{1B}[?1049hfirst line\r\n"), typed("j\r"), shown("more\r\n"),
                typed(":q\r"), shown("\u{1B}[?1049l$ "), typed("ls"), shown("ls"), typed("\r"),
                shown("\r\n"),
            ]
        )
        #expect(pieces.filter { $0.kind == .command }.map(\.text) == ["vi", "ls"])
        #expect(pieces.contains { $0.kind == .screen && $0.text == "first line" })
    }

    @Test("a command longer than the screen is wide is one text, also at the bottom")
    func wrapped() {
        let long = "echo " + String(repeating: "x", count: 100)
        let pieces = text(
            shell + [shown("\r\n\r\n\r\n$ "), typed("e"), shown(long), typed("\r"), shown("\r\n")]
        )
        #expect(pieces.first { $0.kind == .command }?.text == long)
    }

    @Test("programs and subsystems are commands; streams of subsystems and forwards are no text")
    func programs() {
        let channel = AuditEvent.newChannelAccepted(type: "session")
        let exec = text([channel, .exec(requestID: 0, program: "id"), shown("uid=0\n")])
        #expect(exec.map(\.text) == ["id", "uid=0"])
        let sftp = text([channel, .subsystem(requestID: 0, name: "sftp"), shown("binary")])
        #expect(sftp.map(\.text) == ["subsystem sftp"])
        #expect(text([.newChannelAccepted(type: "direct-tcpip"), shown("GET /")]).isEmpty)
    }

    @Test("binary output of a program is left out, and the text around it is not")
    func binary() {
        var generator = SeededGenerator(state: 7)
        let noise = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let pieces = text([
            .newChannelAccepted(type: "session"), .exec(requestID: 0, program: "tar"),
            shown("before\n"), .io(.stdout, ByteBuffer(bytes: noise)),
            .io(.stdout, ByteBuffer(repeating: 0, count: 4096)), shown("after\n"),
            shown(String(repeating: "a name with a zero behind it\0", count: 100) + "\n"),
        ])
        let lines = pieces.map(\.text)
        #expect(lines.prefix(3) == ["tar", "before", "after"])
        #expect(lines.count == 4 && lines.last?.hasPrefix("a name with") == true)
    }

    @Test("of a flood of text the beginning of each second counts", arguments: [true, false])
    func flood(hasTerminal: Bool) {
        let lines = ByteBuffer(string: String(repeating: "some text\r\n", count: 100))
        var recorded = RecordedText(perSecond: 2 * lines.readableBytes)
        func add(_ event: AuditEvent, second: Int64) {
            recorded.append(
                AuditMessage(
                    connectionID: "",
                    timestamp: second * 1_000_000_000,
                    channelID: 3,
                    event: event
                )
            )
        }
        for event in hasTerminal ? shell : [shell[0], .exec(requestID: 0, program: "yes")] {
            add(event, second: 0)
        }
        for second in 1...3 { for _ in 0..<8 { add(.io(.stdout, lines), second: Int64(second)) } }
        #expect(recorded.finish().count { $0.text == "some text" } == 3 * 2 * 100)
    }
}
