import Foundation
import Glibc
import Testing

/// `forward-server`, spoken to as ContainerSSH's server does.
@Suite struct ForwardServerTests {
    // The examples of ContainerSSH's own encoder.
    private static let setupDial = hex(
        "a36454797065006c436f6e6e656374696f6e496400675061796c6f61645863a86e436f6e6e656374696f6e54797065"
            + "026842696e64486f7374606842696e64506f7274006850726f746f636f6c606653637265656e607053696e676c65436f"
            + "6e6e656374696f6ef46c4175746850726f746f636f6c606a41757468436f6f6b696560"
    )
    private static let success = hex(
        "a36454797065016c436f6e6e656374696f6e496400675061796c6f6164f6"
    )
    private static let dataHi = hex(
        "a36454797065036c436f6e6e656374696f6e496401675061796c6f6164426869"
    )
    private static let closeOne = hex(
        "a36454797065056c436f6e6e656374696f6e496401675061796c6f6164f6"
    )
    private static let noMore = hex(
        "a36454797065066c436f6e6e656374696f6e496400675061796c6f6164f6"
    )

    private static func hex(_ digits: String) -> [UInt8] {
        let values = digits.compactMap(\.hexDigitValue)
        return stride(from: 0, to: values.count, by: 2).map {
            UInt8(values[$0] << 4 | values[$0 + 1])
        }
    }

    // MARK: Encoding

    private func head(_ major: UInt8, _ count: Int) -> [UInt8] {
        if count < 24 { return [major << 5 | UInt8(count)] }
        if count < 256 { return [major << 5 | 24, UInt8(count)] }
        if count < 65_536 { return [major << 5 | 25] + u16(UInt16(count)) }
        return [major << 5 | 26] + u32(UInt32(count))
    }

    private func text(_ text: String) -> [UInt8] { head(3, text.utf8.count) + Array(text.utf8) }

    private func packet(_ kind: Int, _ id: Int, _ payload: [UInt8]? = nil) -> [UInt8] {
        [0xA3] + text("Type") + head(0, kind) + text("ConnectionId") + head(0, id) + text("Payload")
            + (payload.map { head(2, $0.count) + $0 } ?? [0xF6])
    }

    private func setup(
        _ kind: Int,
        _ host: String = "",
        _ port: Int = 0,
        _ family: String = "tcp",
        one: Bool = false,
        cookie: String = ""
    ) -> [UInt8] {
        packet(
            0,
            0,
            [0xA8] + text("ConnectionType") + head(0, kind) + text("BindHost") + text(host)
                + text("BindPort") + head(0, port) + text("Protocol") + text(family)
                + text("Screen") + text("0") + text("SingleConnection") + [one ? 0xF5 : 0xF4]
                + text("AuthProtocol") + text("MIT-MAGIC-COOKIE-1") + text("AuthCookie")
                + text(cookie)
        )
    }

    private func target(_ family: String, _ host: String, _ port: Int) -> [UInt8] {
        [0xA5] + text("Protocol") + text(family) + text("ConnectedAddress") + text(host)
            + text("ConnectedPort") + head(0, port) + text("OriginatorAddress") + text("192.0.2.1")
            + text("OriginatorPort") + head(0, 50_000)
    }

    private func start(
        environment: [String: String] = [:],
        _ packets: [UInt8]
    ) throws -> AgentChild {
        let child = try AgentChild(["forward-server"], environment: environment)
        try child.write(packets)
        return child
    }

    /// That exactly these bytes come next.
    private func expect(
        _ child: AgentChild,
        _ bytes: [UInt8],
        _ place: SourceLocation = #_sourceLocation
    ) throws {
        var read: [UInt8] = []
        while read.count < bytes.count {
            let piece = try child.read(atMost: bytes.count - read.count)
            guard !piece.isEmpty else { throw Unexpected(description: "the agent ended") }
            read += piece
        }
        #expect(read == bytes, sourceLocation: place)
    }

    // MARK: Dialling

    @Test("the examples of the protocol are understood and answered byte for byte")
    func vectors() throws {
        #expect(packet(1, 0) == Self.success && packet(3, 1, Array("hi".utf8)) == Self.dataHi)
        let (server, port) = try Socket.listening()
        let child = try start(Self.setupDial)
        try expect(child, Self.success)
        try child.write(packet(4, 1, target("tcp", "127.0.0.1", Int(port))))
        try expect(child, packet(1, 1))
        let peer = try server.accept()
        try child.write(Self.dataHi)
        #expect(try peer.read() == "hi")
        try peer.write("hi")
        try expect(child, Self.dataHi)
        try child.write(Self.closeOne)
        try expect(child, packet(1, 1))
        #expect(try peer.readAll().isEmpty)
        try child.write(Self.noMore)
        #expect(try child.end() == 0)
    }

    @Test("the peer's end is a CLOSE, answered by SUCCESS")
    func peerCloses() throws {
        let (server, port) = try Socket.listening()
        let child = try start(Self.setupDial + packet(4, 1, target("tcp", "localhost", Int(port))))
        try expect(child, Self.success + packet(1, 1))
        let peer = try server.accept()
        peer.endWriting()
        try expect(child, Self.closeOne)
        try child.write(packet(1, 1) + Self.noMore)
        #expect(try child.end() == 0)
    }

    @Test("what was sent before CLOSE is delivered")
    func delivered() throws {
        let (server, port) = try Socket.listening()
        let child = try start(Self.setupDial + packet(4, 1, target("tcp", "127.0.0.1", Int(port))))
        try expect(child, Self.success + packet(1, 1))
        let peer = try server.accept()
        let much = [UInt8](repeating: 65, count: 32_000)
        for _ in 0..<100 { try child.write(packet(3, 1, much)) }
        try child.write(Self.closeOne)
        try expect(child, packet(1, 1))
        #expect(try peer.readAll().utf8.count == 3_200_000)
    }

    @Test("a dial that fails is an ERROR, and the next one works; unknown ids harm nothing")
    func dialFails() throws {
        let folder = try TestFolder()
        let server = try Socket.listening(path: folder("s"))
        let child = try start(
            setup(4) + packet(4, 1, target("unix", folder("none"), 0)) + packet(3, 77, [1])
                + packet(2, 78) + packet(1, 79) + packet(9, 0)
        )
        try expect(child, Self.success + packet(2, 1))
        try child.write(packet(4, 2, target("unix", folder("s"), 0)))
        try expect(child, packet(1, 2))
        let peer = try server.accept()
        // Not answered: the id was used before.
        try child.write(packet(4, 2, target("unix", folder("s"), 0)))
        try child.write(packet(5, 99))
        try expect(child, packet(2, 99))
        try child.write(Self.noMore + packet(4, 3, target("unix", folder("s"), 0)))
        try expect(child, packet(2, 3))
        peer.endWriting()
        try expect(child, packet(5, 2))
        try child.write(packet(1, 2))
        #expect(try child.end() == 0)
    }

    @Test("a dial that hangs does not hold up others")
    func concurrent() throws {
        let folder = try TestFolder()
        let full = try Socket.listening(path: folder("full"))
        let (server, port) = try Socket.listening()
        let child = try start(setup(2))
        try expect(child, Self.success)
        for id in 1...17 {
            try child.write(packet(4, id, target("unix", folder("full"), 0)))
            try expect(child, packet(1, id))
        }
        try child.write(packet(4, 18, target("unix", folder("full"), 0)))
        try child.write(packet(4, 19, target("tcp", "127.0.0.1", Int(port))))
        // The other's failure may come before or after.
        let answer = packet(1, 19)
        var answers: [UInt8] = []
        while !answers.contains(answer) { answers += try child.read() }
        _ = try server.accept()
        _ = consume full
    }

    @Test(
        "the end of standard input ends everything",
        arguments: [[], setupDial, Array(setupDial.prefix(50))]
    )
    func endOfInput(_ input: [UInt8]) throws {
        let end = try AgentChild.run(["forward-server"], input: input)
        #expect(end.status == 0)
    }

    // MARK: Listening

    @Test("a listener is bound before it is confirmed, and tells of its connections")
    func listen() throws {
        let folder = try TestFolder()
        let child = try start(setup(1, folder("s"), 0, "unix"))
        try expect(child, Self.success)
        let peer = try Socket.connected(path: folder("s"))
        let payload: [UInt8] =
            [0xA5] + text("Protocol") + text("unix") + text("ConnectedAddress")
            + text(folder("s")) + text("ConnectedPort") + [0] + text("OriginatorAddress")
            + text("") + text("OriginatorPort") + [0]
        try expect(child, packet(4, 1, payload))
        try peer.write("hi")
        try child.write(packet(1, 1))
        try expect(child, Self.dataHi)
        let refused = try Socket.connected(path: folder("s"))
        try expect(child, packet(4, 2, payload))
        try child.write(packet(2, 2))
        #expect(try refused.readAll().isEmpty)
        try child.write(Self.noMore)
        try until("the listener is gone") { try folder.names.isEmpty }
        // The connection goes on.
        try child.write(Self.dataHi)
        #expect(try peer.read() == "hi")
        peer.endWriting()
        try expect(child, Self.closeOne)
        try child.write(packet(1, 1))
        #expect(try child.end() == 0)
    }

    @Test("a TCP listener tells the originator")
    func listenTCP() throws {
        let (probe, port) = try Socket.listening()
        _ = consume probe
        let child = try start(setup(1, "127.0.0.1", Int(port)))
        try expect(child, Self.success)
        let peer = try Socket.connected(port: port)
        var read: [UInt8] = []
        while !String(decoding: read, as: UTF8.self).contains("OriginatorPort") {
            read += try child.read()
        }
        let told = String(decoding: read, as: UTF8.self)
        #expect(told.contains("OriginatorAddressi127.0.0.1"))
        _ = consume peer
    }

    @Test("a listener that cannot be bound is ERROR and status 1")
    func listenFails() throws {
        let end = try AgentChild.run(["forward-server"], input: setup(1, "/not/there/s", 0, "unix"))
        #expect(end.status == 1)
        #expect(end.output == packet(2, 0))
        #expect(end.errors.contains("No such file"))
    }

    // MARK: X11

    @Test(
        "X11 leaves the cookie for display 10 in front of the others",
        .enabled(if: getuid() == 0)
    )
    func x11() throws {
        let folder = try TestFolder()
        // Of another display.
        let other: [UInt8] = [1, 0, 0, 1, 104, 0, 1, 57, 0, 1, 97, 0, 1, 98]
        try Data(other).write(to: URL(filePath: folder("x")))
        // A network of its own: the port is always the same.
        let child = try AgentChild(
            ["-n", "sh", "-c", "ip link set lo up; exec \"$0\" forward-server", AgentChild.path],
            program: "/usr/bin/unshare",
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "XAUTHORITY": folder("x")]
        )
        try child.write(setup(0, one: true, cookie: "00ff10AB"))
        try expect(child, Self.success)
        let written = try Data(contentsOf: URL(filePath: folder("x")))
        let name = Array("MIT-MAGIC-COOKIE-1".utf8)
        let entry: [UInt8] =
            [0xFF, 0xFF, 0, 0, 0, 2, 49, 48, 0, 18] + name + [0, 4, 0, 0xFF, 0x10, 0xAB]
        #expect(Array(written) == entry + other)
        #expect(try folder.mode("x") == 0o600)
    }

    // MARK: Hostile

    @Test(
        "what is not the protocol ends it with status 1",
        arguments: [
            [0x00], [0xFF], [0xA0], [0xA3, 0x01], [0xBF],
            [0xA1, 0x64, 0x54, 0x79, 0x70, 0x65, 0x00],
            [0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0xA1, 0x7B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], dataHi, noMore,
            [0xA1, 0x61, 0x78] + [UInt8](repeating: 0x81, count: 100),
            setupDial.dropLast(1) + [0x61, 0x00],
        ] as [[UInt8]]
    )
    func refused(_ bytes: [UInt8]) throws {
        #expect(try AgentChild.run(["forward-server"], input: bytes).status == 1)
    }

    @Test("one wrong byte anywhere never crashes it")
    func oneWrongByte() throws {
        let session = Self.setupDial + packet(4, 1, target("unix", "/not/there", 0))
        for place in session.indices {
            var bytes = session
            bytes[place] ^= 0x5A
            let end = try AgentChild.run(["forward-server"], input: bytes)
            #expect(end.status == 0 || end.status == 1, "byte \(place): \(end.status)")
        }
    }
}
