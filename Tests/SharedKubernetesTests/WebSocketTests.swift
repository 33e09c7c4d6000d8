import NIOCore
import Testing

@testable import SharedKubernetes

@Suite("WebSocket frames")
struct WebSocketTests {
    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        precondition(payload.count < 126)
        return [first, UInt8(payload.count)] + payload
    }

    private func decode(_ bytes: [UInt8]) throws -> [WebSocketDecoder.Event] {
        var decoder = WebSocketDecoder()
        return try decoder.decode(ByteBuffer(bytes: bytes))
    }

    @Test("a message of several frames is one message")
    func fragments() throws {
        let events = try decode(frame(0x02, [1, 2]) + frame(0x89, [9]) + frame(0x80, [3]))
        #expect(
            events == [
                .message(ByteBuffer(bytes: [1, 2]), isStart: true), .ping(ByteBuffer(bytes: [9])),
                .message(ByteBuffer(bytes: [3]), isStart: false), .messageEnd,
            ]
        )
    }

    @Test("bytes that come one by one give the same")
    func byteByByte() throws {
        let bytes = frame(0x82, [1, 65, 66]) + frame(0x88, [3, 232])
        var decoder = WebSocketDecoder()
        var message: [UInt8] = []
        var isClosed = false
        for byte in bytes {
            for event in try decoder.decode(ByteBuffer(bytes: [byte])) {
                switch event {
                case .message(let piece, _): message += piece.readableBytesView
                case .close(let code, _): isClosed = code == 1000
                case .messageEnd, .ping, .pong: break
                }
            }
        }
        #expect(message == [1, 65, 66])
        #expect(isClosed)
        #expect(decoder.isAtBoundary)
    }

    @Test("a giant frame takes no memory before its bytes are there")
    func giant() throws {
        let events = try decode([0x82, 127, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1, 2])
        #expect(events == [.message(ByteBuffer(bytes: [1, 2]), isStart: true)])
    }

    @Test(
        "what a server must not send is refused",
        arguments: [
            [0x82, 0x81, 0, 0, 0, 0, 1],  // a mask
            [0xC2, 1, 1],  // an unknown flag
            [0x83, 0],  // an unknown kind
            [0x80, 1, 1],  // a continuation of nothing
            [0x02, 1, 1, 0x82, 1, 1],  // a message inside another
            [0x09, 0],  // a control frame in parts
            [0x89, 126, 0, 200],  // a control frame that is too long
            [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],  // an impossible length
        ] as [[UInt8]]
    )
    func hostile(_ bytes: [UInt8]) {
        #expect(throws: ClusterFault.self) { try decode(bytes) }
    }

    @Test("no bytes whatever make the decoder trap")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var decoder = WebSocketDecoder()
            for _ in 0..<4 {
                let count = Int.random(in: 0...40, using: &generator)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                // What it refuses is of no interest here.
                guard (try? decoder.decode(ByteBuffer(bytes: bytes))) != nil else { break }
            }
        }
    }

    @Test(
        "frames of all lengths are masked and can be unmasked",
        arguments: [0, 5, 124, 125, 126, 70_000]
    )
    func encoding(_ count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        var frame = WebSocketEncoder.frame(.binary, lead: [0], [ByteBuffer(bytes: payload)])
        #expect(frame.readInteger(as: UInt8.self) == 0x82)
        let second = frame.readInteger(as: UInt8.self) ?? 0
        #expect(second & 0x80 != 0)
        let length: UInt64 =
            switch second & 0x7F {
            case 126: UInt64(frame.readInteger(as: UInt16.self) ?? 0)
            case 127: frame.readInteger(as: UInt64.self) ?? 0
            case let short: UInt64(short)
            }
        #expect(length == UInt64(count + 1))
        let mask = frame.readBytes(length: 4) ?? []
        let body = frame.readableBytesView.enumerated().map { $1 ^ mask[$0 % 4] }
        #expect(body == [0] + payload)
    }
}

@Suite("The reply to an upgrade")
struct UpgradeReplyTests {
    /// The example of RFC 6455 §1.3.
    private let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        + "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"

    @Test("an agreeing server is believed, and the bytes behind its head are the stream's")
    func agrees() {
        var reply = UpgradeReply(key: key)
        guard case .upgraded(let name, let rest)? = reply.take(ByteBuffer(string: accepted + "ab"))
        else {
            Issue.record("not upgraded")
            return
        }
        #expect(name == "v5.channel.k8s.io")
        #expect(String(buffer: rest) == "ab")
    }

    @Test("an answer to somebody else's question is refused")
    func wrongKey() {
        var reply = UpgradeReply(key: "b3RoZXI=")
        guard case .refused? = reply.take(ByteBuffer(string: accepted)) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("a Status object is read, in one piece or in chunks, whole or cut off")
    func status() {
        let body = #"{"kind":"Status","reason":"Forbidden","message":"no","code":403}"#
        let whole =
            "HTTP/1.1 403 Forbidden\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let size = String(body.utf8.count, radix: 16)
        let chunked =
            "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "\(size)\r\n\(body)\r\n0\r\n\r\n"
        for text in [whole, chunked] {
            var reply = UpgradeReply(key: key)
            guard case .refused(let refusal)? = reply.take(ByteBuffer(string: text)) else {
                Issue.record("not refused")
                continue
            }
            #expect(refusal.status == 403)
            #expect(refusal.reason == "Forbidden")
            #expect(refusal.message == "no")
        }
        var cut = UpgradeReply(key: key)
        _ = cut.take(ByteBuffer(string: String(whole.dropLast(10))))
        #expect(cut.end().status == 403)
    }

    @Test("a head without end, and what is no HTTP, are refused")
    func hostile() {
        var endless = UpgradeReply(key: key)
        guard
            case .refused? = endless.take(
                ByteBuffer(
                    string: "HTTP/1.1 101 X\r\n" + String(repeating: "a: b\r\n", count: 4000)
                )
            )
        else {
            Issue.record("an endless head is taken")
            return
        }
        var other = UpgradeReply(key: key)
        guard case .refused(let refusal)? = other.take(ByteBuffer(string: "SSH-2.0-x\r\n\r\n"))
        else {
            Issue.record("another protocol is taken")
            return
        }
        #expect(refusal.status == 0)
    }

    @Test(
        "base64 is that of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64Text(_ plain: String, _ text: String) {
        #expect(base64(Array(plain.utf8)) == text)
    }
}
