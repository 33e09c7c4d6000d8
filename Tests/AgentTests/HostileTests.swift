import Glibc
import Testing

/// Gateways that do not keep to the protocol.
@Suite struct HostileTests {
    /// What follows a HELLO and one program with id 2.
    private static let violations: [(String, [UInt8])] = [
        ("length 0", u32(0)),
        ("length 4", u32(4) + [1, 2, 3, 4]),
        ("a length beyond the limit", u32(262_145)),
        ("an absurd length", u32(0xFFFF_FFFF)),
        ("an unknown kind", Frame(kind: 99, id: 2).bytes),
        ("an unknown kind of no id", Frame(kind: 99, id: 0).bytes),
        ("a second HELLO", hello().bytes),
        ("a kind of the agent's", Frame(kind: Kind.exited, id: 2, body: [0, 0, 0, 0, 0]).bytes),
        ("an odd id", Frame(kind: Kind.start, id: 5, body: Start("true").body).bytes),
        ("id 0", Frame(kind: Kind.start, id: 0, body: Start("true").body).bytes),
        ("an id again", Frame(kind: Kind.start, id: 2, body: Start("true").body).bytes),
        ("DATA for an id to come", Frame(kind: Kind.data, id: 4, body: [0, 1]).bytes),
        ("DATA for the agent's id to come", Frame(kind: Kind.data, id: 3, body: [0, 1]).bytes),
        ("CLOSE of the connection itself", Frame(kind: Kind.close, id: 0).bytes),
        ("DATA without bytes", Frame(kind: Kind.data, id: 2, body: [0]).bytes),
        ("DATA without channel", Frame(kind: Kind.data, id: 2).bytes),
        ("DATA of channel 1", Frame(kind: Kind.data, id: 2, body: [1, 1]).bytes),
        (
            "DATA beyond the window",
            Frame(kind: Kind.data, id: 2, body: [UInt8](repeating: 0, count: 8194)).bytes
        ),
        (
            "DATA after END",
            Frame(kind: Kind.end, id: 2, body: [0]).bytes
                + Frame(kind: Kind.data, id: 2, body: [0, 1]).bytes
        ),
        (
            "a window beyond 32 bits",
            Frame(kind: Kind.window, id: 2, body: [1] + u32(0xFFFF_FFFF)).bytes
        ),
        ("END that is too long", Frame(kind: Kind.end, id: 2, body: [0, 0]).bytes),
        ("CLOSE that is too long", Frame(kind: Kind.close, id: 2, body: [0]).bytes),
        ("KILL that is too long", Frame(kind: Kind.kill, id: 2, body: [0]).bytes),
        ("a short RESIZE", Frame(kind: Kind.resize, id: 2, body: [0, 0]).bytes),
        (
            "a long PING",
            Frame(kind: Kind.ping, id: 0, body: [UInt8](repeating: 0, count: 65)).bytes
        ),
        (
            "an argument with a NUL",
            Frame(kind: Kind.start, id: 4, body: Start("tr\0ue").body).bytes
        ),
        (
            "INPUT without a terminal",
            Frame(kind: Kind.start, id: 4, body: [4] + Start("true").body.dropFirst()).bytes
        ),
        (
            "unknown flags",
            Frame(kind: Kind.start, id: 4, body: [8] + Start("true").body.dropFirst()).bytes
        ),
        (
            "a count that is absurd",
            Frame(
                kind: Kind.start,
                id: 4,
                body: [0] + string("") + string("x") + u16(65_535)
            ).bytes
        ),
        (
            "a string longer than its frame",
            Frame(kind: Kind.writeFile, id: 4, body: u32(0xFFFF_FFF0) + u32(0)).bytes
        ),
    ]

    @Test("what the protocol does not allow ends the agent with a reason", arguments: violations)
    func violation(_ name: String, _ bytes: [UInt8]) throws {
        let gateway = try FakeGateway(window: 8192)
        #expect(try gateway.start(Start("cat")).id == 2)
        try gateway.child.write(bytes)
        while true {
            let frame = try gateway.next()
            if frame.kind != Kind.log { continue }
            #expect(frame.id == 0 && frame.body.first == 3 && frame.body.count > 10)
            break
        }
        #expect(try gateway.child.end() == 1)
    }

    @Test(
        "what is no HELLO of ours ends the agent",
        arguments: [
            Frame(kind: Kind.ping, id: 0), Frame(kind: Kind.start, id: 2, body: Start("true").body),
            Frame(kind: Kind.hello, id: 0, body: Array("BERTH-AGENX".utf8) + u16(1) + u32(65_536)),
            Frame(kind: Kind.hello, id: 0, body: hello().body + [0]), hello(window: 4095),
            hello(window: 16 << 20 | 1), hello(window: 0xFFFF_FFFF),
        ]
    )
    func notGreeted(_ frame: Frame) throws {
        let gateway = try FakeGateway(greets: false)
        try gateway.send(frame)
        #expect(try gateway.next().kind == Kind.log)
        #expect(try gateway.child.end() == 1)
    }

    @Test("a stream cut off anywhere ends the agent with status 0")
    func truncations() throws {
        let folder = try TestFolder()
        var start = Start.shell("cat")
        start.terminal = (80, 24)
        start.environment = ["A=B"]
        let session =
            hello().bytes + Frame(kind: Kind.start, id: 2, body: start.body).bytes
            + Frame(kind: Kind.data, id: 2, body: [0, 65, 66]).bytes
            + Frame(kind: Kind.writeFile, id: 4, body: string(folder("f")) + u32(0o600)).bytes
            + Frame(kind: Kind.data, id: 4, body: [0, 65]).bytes
            + Frame(kind: Kind.dial, id: 6, body: [1] + string("127.0.0.1") + u16(1) + u32(50))
            .bytes
        for length in 0..<session.count {
            let end = try AgentChild.run(["init"], input: Array(session.prefix(length)))
            #expect(end.status == 0, "after \(length) bytes: \(end.errors)")
        }
        #expect(try folder.names == [])
    }

    @Test("one wrong byte anywhere in a frame never crashes the agent")
    func oneWrongByte() throws {
        var start = Start.shell("exit 0")
        start.terminal = (80, 24)
        let frame = Frame(kind: Kind.start, id: 2, body: start.body).bytes
        for place in 0..<frame.count {
            var bytes = frame
            bytes[place] ^= 0xA5
            let end = try AgentChild.run(["init"], input: hello().bytes + bytes)
            #expect(end.status == 0 || end.status == 1, "byte \(place): \(end.status)")
        }
    }

    @Test("frames that come a byte at a time, or all at once, are the same")
    func pieces() throws {
        let gateway = try FakeGateway(greets: false)
        let session = hello().bytes + Frame(kind: Kind.start, id: 2, body: Start("cat").body).bytes
        for byte in session { try gateway.child.write([byte]) }
        #expect(try gateway.next().kind == Kind.hello)
        try gateway.expect(Kind.started, 2)
        let data = (0..<2000).flatMap {
            Frame(kind: Kind.data, id: 2, body: [0, UInt8($0 & 63)]).bytes
        }
        try gateway.child.write(data + Frame(kind: Kind.end, id: 2, body: [0]).bytes)
        #expect(try gateway.collect(2).output == (0..<2000).map { UInt8($0 & 63) })
    }
}
