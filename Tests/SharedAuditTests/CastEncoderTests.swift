import NIOCore
import Testing

@testable import SharedAudit

@Suite struct CastEncoderTests {
    @Test("every sample recording becomes the sample asciicast", arguments: Sample.casts)
    func samples(name: String) throws {
        let cast = cast(messages(decode(try Sample.bytes("v2-\(name).bin"))))
        #expect(cast == (try Sample.text(name + ".cast")))
    }

    @Test("version 3 counts from the event before and has sizes and the exit status")
    func versionThree() throws {
        var encoder = CastEncoder(version: .three)
        for message in messages(decode(try Sample.bytes("v2-shell-session.bin"))) {
            encoder.append(message)
        }
        let lines = String(buffer: encoder.finish()).split(separator: "\n")
        #expect(
            lines == [
                #"{"version":3,"term":{"cols":120,"rows":30,"type":"xterm-256color"},"#
                    + #""timestamp":1700000000,"command":"/bin/sh","#
                    + #""env":{"LANG":"C.UTF-8","TERM":"xterm-256color"}}"#,
                #"[2,"o","$ "]"#, #"[0.5,"o","exit\r\n"]"#, #"[0.25,"r","100x40"]"#,
                #"[1,"x","0"]"#,
            ]
        )
    }

    @Test("no messages make a header")
    func empty() throws { #expect(cast([]) == (try Sample.text("empty.cast"))) }

    @Test("a terminal without a size has the usual one")
    func noSize() {
        let none = AuditEvent.Size(columns: 0, rows: 0, width: 0, height: 0)
        let terminal = AuditMessage(
            connectionID: "",
            timestamp: 0,
            channelID: 0,
            event: .terminal(requestID: 0, term: "dumb", size: none, modes: nil)
        )
        let text = cast([terminal, io([0x41], channel: 0)])
        #expect(text.hasPrefix("{\"version\":2,\"width\":80,\"height\":25,"))
    }

    @Test("a character split over two pieces is shown whole, per channel")
    func splitCharacters() {
        let euro = [UInt8]("€".utf8)
        let text = cast([
            io(euro[..<1], channel: 0), io(euro[..<2], channel: 1), io(euro[1...], channel: 0),
            io(euro[2...], channel: 1),
        ])
        #expect(text.hasSuffix("[1,\"o\",\"€\"]\n[1,\"o\",\"€\"]\n"))
    }

    @Test("what never becomes a character is shown as replacement at the end")
    func heldBytes() {
        #expect(cast([io([0xE2, 0x82], channel: 0)]).hasSuffix("[1,\"o\",\"\\ufffd\\ufffd\"]\n"))
    }

    @Test(
        "seconds are written in the shortest form",
        arguments: [
            (0, "0"), (2_000_000_000, "2"), (750_000_000, "0.75"), (100, "1e-7"),
            (12, "1.2e-8"), (999, "9.99e-7"), (1000, "0.000001"), (1_000_000_001, "1.000000001"),
            (-500_000_000, "-0.5"), (Int64.min, "-9223372036.854775808"),
        ] as [(Int64, String)]
    )
    func seconds(nanoseconds: Int64, text: String) {
        #expect(CastEncoder.seconds(nanoseconds) == text)
    }

    private func io(_ bytes: some Sequence<UInt8>, channel: UInt64) -> AuditMessage {
        AuditMessage(
            connectionID: "",
            timestamp: 1_000_000_000,
            channelID: channel,
            event: .io(.stdout, ByteBuffer(bytes: bytes))
        )
    }

    private func cast(_ messages: [AuditMessage]) -> String {
        var encoder = CastEncoder()
        var text = ""
        for message in messages {
            encoder.append(message)
            text += String(buffer: encoder.take())
        }
        return text + String(buffer: encoder.finish())
    }
}
