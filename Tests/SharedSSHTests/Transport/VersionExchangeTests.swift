import NIOCore
import Testing

@testable import SharedSSH

@Suite("Identification lines")
struct VersionExchangeTests {
    @Test(
        "what is not an SSH client is turned away at its first bytes",
        arguments: ["GET / HTTP/1.1\r\n", "G", "\r\n", "SSX", "\u{16}\u{3}\u{1}"]
    )
    func otherProtocols(_ text: String) throws {
        #expect(try serve(ByteBuffer(string: text)) == .notSSH)
    }

    @Test(
        "another version is turned away",
        arguments: ["SSH-1.5-Old", "SSH-1.99-Both", "SSH-3.0-New"]
    )
    func otherVersions(_ line: String) throws {
        #expect(try serve(ByteBuffer(string: line + "\r\n")) == .unsupportedVersion(line))
    }

    @Test("a line of 255 bytes is the longest")
    func longLines() throws {
        let longest = "SSH-2.0-" + String(repeating: "x", count: 245) + "\r\n"
        #expect(try serve(ByteBuffer(string: longest)) == nil)
        #expect(try serve(ByteBuffer(string: "SSH-2.0-x" + longest)) == .notSSH)
        let endless = "SSH-2.0-" + String(repeating: "x", count: 247)
        #expect(try serve(ByteBuffer(string: endless)) == .notSSH)
    }

    @Test("control characters in the identification are refused")
    func controlCharacters() throws {
        #expect(try serve(ByteBuffer(string: "SSH-2.0-a\u{1b}[2J\r\n")) == .notSSH)
        #expect(try serve(ByteBuffer(string: "SSH-2.0-a\0\r\n")) == .notSSH)
    }

    @Test("a client passes over lines before the identification, but not for ever")
    func linesBefore() throws {
        for (count, error) in [(64, nil), (65, TransportError.notSSH)] {
            var machine = TransportMachine(role: .client, settings: TransportSettings())
            var out = ByteBuffer()
            try machine.start(into: &out)
            machine.received(ByteBuffer(repeating: UInt8(ascii: "\n"), count: count))
            machine.received(ByteBuffer(string: "SSH-2.0-x\n"))
            do {
                guard case .versionReceived("SSH-2.0-x") = try machine.nextEvent(into: &out) else {
                    Issue.record("no identification")
                    return
                }
                #expect(error == nil)
            } catch let thrown {
                #expect(thrown == error)
            }
        }
    }

    @Test(
        "an identification of ours needs a software version without white space and dashes",
        arguments: [
            ("SSH-2.0-Berth", true), ("SSH-2.0-Berth_1.0 some comment-x", true),
            ("SSH-2.0-", false),
            ("SSH-2.0-a-b", false), ("SSH-2.0- x", false), ("SSH-1.99-x", false),
            ("SSH-2.0-a\n", false), ("SSH-2.0-ä", false),
            ("SSH-2.0-" + String(repeating: "x", count: 245), true),
            ("SSH-2.0-" + String(repeating: "x", count: 246), false),
        ]
    )
    func own(_ line: String, _ isValid: Bool) {
        #expect(TransportSettings.isValid(identification: line) == isValid)
    }
}
