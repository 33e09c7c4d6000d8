import NIOCore
import Testing

@testable import SharedSSH

@Suite("What a client's identification changes")
struct PeerQuirksTests {
    @Test(
        "only releases of libssh2 before 1.11 are offered plain MACs",
        arguments: [
            ("SSH-2.0-libssh2_1.10.0", true), ("SSH-2.0-libssh2_0.18", true),
            ("SSH-2.0-libssh2_1.9.0_DEV", true), ("SSH-2.0-libssh2_1.11.1", false),
            ("SSH-2.0-libssh2_2.0", false), ("SSH-2.0-libssh2_", false),
            ("SSH-2.0-libssh2_99999999999999999999.1", false), ("SSH-2.0-OpenSSH_9.2p1", false),
            ("SSH-2.0-OpenSSH libssh2_1.10.0", false),
        ]
    )
    func plainMACs(_ line: String, _ expected: Bool) throws {
        #expect(try offer(to: line).macsToClient.contains("hmac-sha2-256") == expected)
        #expect(try offer(to: line).macsToServer.first == "hmac-sha2-256-etm@openssh.com")
    }

    /// The KEXINIT of a server to a client that calls itself `line`.
    private func offer(to line: String) throws -> KeyExchangeInit {
        var (machine, out) = try startedServer()
        let identification = out.readableBytes
        machine.received(ByteBuffer(string: line + "\r\n"))
        guard case .versionReceived = try machine.nextEvent(into: &out) else {
            throw NothingRead()
        }
        out.moveReaderIndex(forwardBy: identification)
        var reader = PacketReader()
        var packet = try #require(try reader.next(&out))
        #expect(packet.readInteger() == MessageNumber.keyExchangeInit.rawValue)
        return try KeyExchangeInit(reading: &packet)
    }

    private struct NothingRead: Error {}
}
