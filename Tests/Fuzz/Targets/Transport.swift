import NIOCore
import SharedSSH

/// The server's side of the transport against a client that sends anything.
enum Transport {
    static func clear(_ input: inout FuzzInput) {
        var server = Server()
        let isSSH = input.byte() & 1 == 0
        if isSSH { server.receive(ByteBuffer(string: "SSH-2.0-x\r\n")) }
        while !input.isEmpty { server.receive(input.message()) }
        precondition(!server.isEstablished, "keys without a key exchange")
    }

    static func exchange(_ input: inout FuzzInput) {
        var server = Server()
        server.receive(ByteBuffer(string: "SSH-2.0-x\r\n"))
        while !input.isEmpty { server.receive(clearPacket(input.message())) }
    }

    /// Messages go through a client with the keys; then some bytes on the wire are changed.
    static func encrypted(_ input: inout FuzzInput) {
        guard var (client, server) = try? established(cipher: input.byte()) else {
            preconditionFailure("two of ours do not agree on keys")
        }
        while !input.isEmpty {
            let change = input.byte()
            var wire = ByteBuffer()
            guard (try? client.send(input.message(), into: &wire)) != nil else { return }
            if change != 0, wire.readableBytes > 0 {
                let place = wire.readerIndex + Int(input.byte()) % wire.readableBytes
                let before = wire.getInteger(at: place, as: UInt8.self) ?? 0
                wire.setInteger(before ^ change, at: place)
            }
            server.receive(wire)
        }
    }

    private static let hostKey = try? SSHPrivateKey.generateEd25519()
    private static let ciphers: [CipherAlgorithm] = [.aes128GCM, .aes256CTR, .chaChaPoly]

    private static func settings(_ cipher: CipherAlgorithm) -> TransportSettings {
        TransportSettings(
            algorithms: TransportAlgorithms(keyExchanges: [.curve25519], ciphers: [cipher]),
            hostKeys: hostKey.map { [$0] } ?? [],
            isHostKeyTrusted: { _ in true }
        )
    }

    private static func established(cipher: UInt8) throws -> (TransportMachine, Server) {
        let settings = settings(ciphers[Int(cipher) % ciphers.count])
        var client = TransportMachine(role: .client, settings: settings)
        var server = Server(settings: settings)
        var toServer = ByteBuffer()
        try client.start(into: &toServer)
        while !server.isEstablished || client.isRekeying {
            guard !server.machine.isClosed else { throw NoKeys() }
            server.receive(toServer)
            toServer.clear()
            client.received(server.out)
            server.out.clear()
            while try client.nextEvent(into: &toServer) != nil {}
        }
        server.receive(toServer)
        return (client, server)
    }

    private struct NoKeys: Error {}

    /// One unencrypted packet (RFC 4253 §6).
    private static func clearPacket(_ payload: ByteBuffer) -> ByteBuffer {
        let padding = 4 + (8 - (payload.readableBytes + 9) % 8) % 8
        var packet = ByteBuffer(integer: UInt32(1 + payload.readableBytes + padding))
        packet.writeInteger(UInt8(padding))
        packet.writeImmutableBuffer(payload)
        packet.writeRepeatingByte(0, count: padding)
        return packet
    }

    struct Server {
        var machine: TransportMachine
        var out = ByteBuffer()
        private(set) var isEstablished = false

        init(settings: TransportSettings = Transport.settings(.aes128GCM)) {
            machine = TransportMachine(role: .server, settings: settings)
            try? machine.start(into: &out)
        }

        mutating func receive(_ bytes: ByteBuffer) {
            machine.received(bytes)
            do {
                while let event = try machine.nextEvent(into: &out) {
                    if case .established = event { isEstablished = true }
                }
            } catch {
                machine.disconnect(error.reason, error.text, into: &out)
                precondition(machine.isClosed, "open after an error")
            }
            precondition(out.readableBytes < 16 << 20, "answers out of all proportion")
        }
    }
}
