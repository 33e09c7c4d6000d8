import Glibc
import Testing

/// Programs with a terminal.
@Suite struct TerminalTests {
    private func terminal(_ line: String, modes: [UInt8] = [0]) -> Start {
        var start = Start.shell(line)
        start.terminal = (80, 24)
        start.modes = modes
        return start
    }

    @Test("the size is there before the program runs, and all output comes on one channel")
    func size() throws {
        let gateway = try FakeGateway()
        let outcome = try gateway.run(terminal("stty size; test -t 2 && echo e >&2"))
        #expect(outcome.text == "24 80\r\ne\r\n")
        #expect(outcome.ended == [1])
    }

    @Test("a new size is told to the program")
    func resize() throws {
        let gateway = try FakeGateway()
        let line = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
        let program = try gateway.start(terminal(line))
        _ = try gateway.read(program.id, until: "ready")
        try gateway.send(Kind.resize, program.id, u32(132) + u32(43) + u32(0) + u32(0))
        #expect(try gateway.collect(program.id).text.contains("43 132"))
    }

    @Test("modes are set before the program runs, unknown ones ignored")
    func modes() throws {
        let gateway = try FakeGateway()
        // ECHO off, VINTR is ^X, an opcode that nobody knows, ONLCR off.
        let modes: [UInt8] = [53] + u32(0) + [1] + u32(24) + [99] + u32(7) + [72] + u32(0) + [0]
        let outcome = try gateway.run(terminal("stty -a", modes: modes))
        #expect(outcome.text.contains("intr = ^X"))
        #expect(outcome.text.contains(" -echo ") && outcome.text.contains("-onlcr"))
    }

    @Test("END does nothing, the character for it does")
    func endOfInput() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(terminal("stty -echo; echo ready; cat; echo through"))
        _ = try gateway.read(program.id, until: "ready")
        try gateway.end(program.id)
        try gateway.write(program.id, "typed\n")
        _ = try gateway.read(program.id, until: "typed")
        try gateway.write(program.id, "\u{04}")
        #expect(try gateway.collect(program.id).text.contains("through"))
    }

    @Test("what becomes of the input is told before its echo")
    func input() throws {
        let gateway = try FakeGateway()
        var start = terminal("stty -echo; echo ready; read a; stty echo; echo more; read b; exit")
        start.tellsInput = true
        let program = try gateway.start(start)
        var told: [[UInt8]] = []
        func read(until text: String) throws {
            var seen = ""
            while !seen.contains(text) {
                let frame = try gateway.next(about: program.id)
                switch frame.kind {
                case Kind.input: told.append(frame.body)
                case Kind.data: seen += String(decoding: frame.body.dropFirst(), as: UTF8.self)
                default: throw Unexpected(description: "\(frame)")
                }
            }
        }
        try read(until: "ready")
        try gateway.write(program.id, "hidden\n")
        try read(until: "more")
        #expect(told == [[1] + u32(7)])
        try gateway.write(program.id, "shown")
        try read(until: "shown")
        #expect(told == [[1] + u32(7), [0] + u32(5)])
        try gateway.write(program.id, "\n")
        #expect(try gateway.expectInput(program.id).body == [0] + u32(1))
    }

    @Test("the interrupt character signals what runs in the foreground")
    func interrupt() throws {
        let gateway = try FakeGateway()
        let program = try gateway.start(
            terminal("trap 'echo caught; exit 9' INT; sh -c 'echo ready; exec cat'")
        )
        _ = try gateway.read(program.id, until: "ready")
        try gateway.write(program.id, "\u{03}")
        let outcome = try gateway.collect(program.id)
        #expect(outcome.text.contains("caught"))
        #expect(outcome.exit?.number == 9)
    }

    @Test("a terminal ends with its program, though others still hold it")
    func endsWithProgram() throws {
        let gateway = try FakeGateway()
        let line = "trap '' HUP; sleep 1000 & echo $!; seq 1 2000; exit 4"
        let outcome = try gateway.run(terminal(line))
        #expect(outcome.exit?.number == 4)
        #expect(outcome.text.hasSuffix("\r\n2000\r\n"))
        let child = try #require(Int32(outcome.text.prefix { $0 != "\r\n" }))
        kill(child, SIGKILL)
    }

    @Test("much output comes whole through a small window")
    func much() throws {
        let gateway = try FakeGateway(window: 4096)
        let outcome = try gateway.run(terminal("seq 1 50000"))
        #expect(outcome.text.utf8.count == (1...50000).reduce(0) { $0 + "\($1)".count + 2 })
    }
}
