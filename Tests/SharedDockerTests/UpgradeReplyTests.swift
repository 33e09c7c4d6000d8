import NIOCore
import Testing

@testable import SharedDocker

@Suite("The reply that begins a stream")
struct UpgradeReplyTests {
    private static let head = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n"

    @Test("is recognised wherever it is cut, and the stream's first bytes are kept")
    func cuts() throws {
        let bytes = Array((Self.head + "stream").utf8)
        for cut in 0...bytes.count {
            var reply = UpgradeReply()
            var stream = ""
            for part in [bytes[..<cut], bytes[cut...]] {
                if stream.isEmpty, case .upgraded(let rest)? = reply.take(ByteBuffer(bytes: part)) {
                    stream = "begun:" + String(buffer: rest)
                } else if !stream.isEmpty {
                    stream += String(decoding: part, as: UTF8.self)
                }
            }
            #expect(stream == "begun:stream")
        }
    }

    @Test("a status 200 begins a stream too, as old engines answer")
    func ok() {
        var reply = UpgradeReply()
        guard case .upgraded? = reply.take(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n")) else {
            Issue.record("not recognised")
            return
        }
    }

    @Test("a refusal carries the engine's words")
    func refusal() {
        var reply = UpgradeReply()
        let body = #"{"message":"container is not running"}"#
        let text = "HTTP/1.1 409 Conflict\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        #expect(reply.take(ByteBuffer(string: text)) == nil)
        guard case .refused(let refusal)? = reply.take(ByteBuffer(string: body)) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal == EngineRefusal(status: 409, message: "container is not running"))
        #expect(!refusal.isRetryable)
    }

    @Test("an end before the reply is complete is a refusal")
    func end() {
        var reply = UpgradeReply()
        _ = reply.take(ByteBuffer(string: "HTTP/1.1 500 Oh\r\n\r\nno JSON"))
        #expect(reply.end() == EngineRefusal(status: 500, message: "no JSON"))
        var empty = UpgradeReply()
        #expect(empty.end().status == 0)
    }

    @Test(
        "nonsense is refused",
        arguments: ["SSH-2.0-x\r\n\r\n", "\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"]
    )
    func nonsense(_ text: String) {
        var reply = UpgradeReply()
        guard case .refused? = reply.take(ByteBuffer(string: text)) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("a head without end is refused at some point")
    func endless() {
        var reply = UpgradeReply()
        var isRefused = false
        for _ in 0..<40 where !isRefused {
            let more = ByteBuffer(repeating: 0x61, count: 1000)
            if case .refused? = reply.take(more) { isRefused = true }
        }
        #expect(isRefused)
    }
}

extension UpgradeReply.Event: Equatable {
    static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.upgraded(let left), .upgraded(let right)): left == right
        case (.refused(let left), .refused(let right)): left == right
        case (.upgraded, .refused), (.refused, .upgraded): false
        }
    }
}
