import NIOCore
import Testing

@testable import SharedSSH

@Suite("New keys in the middle of a connection")
struct RekeyTests {
    @Test("either side may ask for them; data goes on afterwards", arguments: [true, false])
    func either(_ clientAsks: Bool) throws {
        var pair = try MachinePair.established()
        let session = pair.server.sessionID
        if clientAsks {
            try pair.client.requestRekey(into: &pair.toServer)
        } else {
            try pair.server.requestRekey(into: &pair.toClient)
        }
        try pair.clientSends(message(10))
        try pair.serverSends(message(20))
        try pair.run()
        #expect(pair.clientRekeys == 1)
        #expect(pair.serverRekeys == 1)
        #expect(pair.serverPayloads == [message(10)])
        #expect(pair.clientPayloads == [message(20)])
        #expect(pair.server.sessionID == session)
        #expect(pair.client.sessionID == session)
    }

    @Test("both sides may ask at once")
    func both() throws {
        var pair = try MachinePair.established()
        try pair.client.requestRekey(into: &pair.toServer)
        try pair.server.requestRekey(into: &pair.toClient)
        try pair.run()
        #expect(pair.clientRekeys == 1)
        #expect(pair.serverRekeys == 1)
    }

    @Test("what is sent meanwhile is held back, and comes in order")
    func heldBack() throws {
        var pair = try MachinePair.established()
        try pair.server.requestRekey(into: &pair.toClient)
        let before = pair.toClient.readableBytes
        #expect(pair.server.isRekeying)
        for index in 0..<20 { try pair.serverSends(message(index)) }
        #expect(pair.toClient.readableBytes == before)
        try pair.run()
        #expect(!pair.server.isRekeying)
        #expect(pair.clientPayloads == (0..<20).map { message($0) })
    }

    @Test("what the peer sent before it heard of the exchange still counts")
    func crossing() throws {
        var pair = try MachinePair.established()
        for index in 0..<5 { try pair.clientSends(message(index)) }
        try pair.server.requestRekey(into: &pair.toClient)
        try pair.run()
        #expect(pair.serverPayloads == (0..<5).map { message($0) })
        #expect(pair.serverRekeys == 1)
    }

    @Test("more than may be held back ends the connection")
    func tooMuchHeldBack() throws {
        var settings = TransportSettings(hostKeys: [.fixed], maximumHeldBytes: 1000)
        settings.identification = "SSH-2.0-Small"
        var machine = TransportMachine(role: .server, settings: settings)
        var out = ByteBuffer()
        try machine.start(into: &out)
        try machine.send(ByteBuffer(bytes: message(900)), into: &out)
        #expect(throws: TransportError.tooMuchHeldBack) {
            try machine.send(ByteBuffer(bytes: message(900)), into: &out)
        }
        #expect(machine.isClosed)
    }

    @Test("the byte limit brings new keys by itself, in both directions")
    func byBytes() throws {
        var pair = try MachinePair.established(rekeyLimit: RekeyLimit(bytes: 100_000))
        for index in 0..<100 {
            try pair.clientSends(message(10_000, fill: UInt8(index)))
            try pair.serverSends(message(5_000, fill: UInt8(index)))
            try pair.run()
        }
        #expect(pair.serverPayloads == (0..<100).map { message(10_000, fill: UInt8($0)) })
        #expect(pair.clientPayloads == (0..<100).map { message(5_000, fill: UInt8($0)) })
        #expect(pair.serverRekeys >= 9)
        #expect(pair.serverRekeys == pair.clientRekeys)
    }

    @Test("the packet limit brings new keys by itself")
    func byPackets() throws {
        var pair = try MachinePair.established(rekeyLimit: RekeyLimit(packets: 50))
        for _ in 0..<500 {
            try pair.clientSends(message(1))
            try pair.run()
        }
        #expect(pair.serverPayloads.count == 500)
        #expect(pair.serverRekeys >= 9)
    }

    @Test(
        "new keys come under load with every protection",
        arguments: CipherAlgorithm.allCases,
        MACAlgorithm.allCases
    )
    func underLoad(_ cipher: CipherAlgorithm, _ mac: MACAlgorithm) throws {
        let algorithms = TransportAlgorithms(ciphers: [cipher], macs: [mac])
        var pair = try MachinePair.established(
            clientAlgorithms: algorithms,
            serverAlgorithms: algorithms
        )
        for round in 0..<6 {
            for index in 0..<10 {
                try pair.clientSends(message(index * 100))
                try pair.serverSends(message(index * 100))
            }
            if round % 2 == 0 {
                try pair.client.requestRekey(into: &pair.toServer)
            } else {
                try pair.server.requestRekey(into: &pair.toClient)
            }
            for index in 0..<10 { try pair.clientSends(message(index)) }
            try pair.run(chunk: 777)
        }
        #expect(pair.serverRekeys == 6)
        #expect(pair.serverPayloads.count == 120)
        #expect(pair.clientPayloads.count == 60)
    }

    @Test("data between the peer's KEXINIT and its NEWKEYS ends the connection")
    func dataDuringExchange() throws {
        var pair = try MachinePair.established()
        try pair.client.requestRekey(into: &pair.toServer)
        try pair.client.write(into: &pair.toServer) { $0.writeBytes(message(1)) }
        #expect(throws: TransportError.unexpectedMessage(94)) { try pair.deliverToServer() }
    }

    @Test("a key protects no packet whose sequence number would be a repeated one")
    func exhausted() {
        var usage = KeyUsage(packets: (1 << 32) - 2)
        #expect(usage.exceeds(RekeyLimit(packets: .max)))
        let results = [usage.count(16), usage.count(16)]
        #expect(results == [true, false])
    }

    @Test("asking before the first keys, or twice, does nothing")
    func asking() throws {
        var pair = MachinePair()
        try pair.client.requestRekey(into: &pair.toServer)
        #expect(pair.toServer.readableBytes == 0)
        try pair.start()
        try pair.run()
        try pair.client.requestRekey(into: &pair.toServer)
        let sent = pair.toServer.readableBytes
        try pair.client.requestRekey(into: &pair.toServer)
        #expect(pair.toServer.readableBytes == sent)
    }

    @Test("PING is answered with its own data, after the exchange if one is on")
    func ping() throws {
        var pair = try MachinePair.established()
        try pair.client.write(into: &pair.toServer) { buffer in
            buffer.writeSSHMessage(.ping)
            buffer.writeSSHString("data")
        }
        try pair.server.requestRekey(into: &pair.toClient)
        try pair.deliverToServer()
        #expect(pair.server.held.count == 1)
        try pair.run()
        #expect(pair.server.held.isEmpty)
        #expect(pair.clientRekeys == 1)
    }
}
