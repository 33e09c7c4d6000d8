import NIOCore
import Testing

@testable import SharedSSH

@Suite("Packets that do not keep to the protocol")
struct HostilePacketTests {
    private static let protections: [TransportAlgorithms] =
        [TransportAlgorithms(), TransportAlgorithms(ciphers: [.chaChaPoly])]
        + MACAlgorithm.allCases.map { TransportAlgorithms(ciphers: [.aes256CTR], macs: [$0]) }

    @Test(
        "a packet length out of bounds is refused before the packet has arrived",
        arguments: [0, 1, 7, 13, 35004, 0x7fff_ffff, 0xffff_ffff] as [UInt32]
    )
    func clearLengths(_ length: UInt32) throws {
        var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
        bytes.writeInteger(length)
        #expect(try serve(bytes) == .badPacketLength(length))
    }

    @Test(
        "padding below 4 or beyond the packet is refused",
        arguments: [0, 3, 11, 12, 255] as [UInt8]
    )
    func padding(_ padding: UInt8) throws {
        var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
        bytes.writeInteger(12, as: UInt32.self)
        bytes.writeInteger(padding)
        bytes.writeRepeatingByte(2, count: 11)
        #expect(try serve(bytes) == .badPadding)
    }

    @Test("a packet of 35000 bytes is taken before authentication, of 256 KiB after it")
    func largePackets() throws {
        var pair = try MachinePair.established()
        try pair.clientSends(message(34_900))
        try pair.run()
        pair.server.authenticationCompleted()
        try pair.clientSends(message(256 * 1024))
        try pair.run()
        #expect(pair.serverPayloads == [message(34_900), message(256 * 1024)])
        try pair.clientSends(message(257 * 1024))
        #expect(throws: TransportError.self) { try pair.run() }
    }

    @Test("a changed bit anywhere in an encrypted packet is noticed", arguments: protections)
    func changedBits(_ algorithms: TransportAlgorithms) throws {
        var pair = try MachinePair.established(
            clientAlgorithms: algorithms,
            serverAlgorithms: algorithms
        )
        try pair.clientSends(message(40))
        let wire = Array(pair.toServer.readableBytesView)
        // The first four bytes are the length: changed, they may make the server wait for more.
        for position in 4..<wire.count {
            for bit in [0, 7] {
                var victim = try Self.replay(algorithms)
                var changed = wire.count == victim.wire.count ? victim.wire : wire
                changed[position] ^= 1 << bit
                victim.pair.server.received(ByteBuffer(bytes: changed))
                #expect(throws: TransportError.self) {
                    while try victim.pair.server.nextEvent(into: &victim.pair.toClient) != nil {}
                }
                #expect(victim.pair.server.isClosed)
            }
        }
    }

    /// A pair with one message on its way.
    private static func replay(
        _ algorithms: TransportAlgorithms
    ) throws -> (pair: MachinePair, wire: [UInt8]) {
        var algorithms = algorithms
        algorithms.keyExchanges = [.curve25519]
        var pair = try MachinePair.established(
            clientAlgorithms: algorithms,
            serverAlgorithms: algorithms
        )
        try pair.clientSends(message(40))
        return (pair, Array(pair.toServer.readableBytesView))
    }

    @Test("a changed MAC or tag is called one", arguments: protections)
    func changedTag(_ algorithms: TransportAlgorithms) throws {
        var (pair, wire) = try Self.replay(algorithms)
        wire[wire.count - 1] ^= 1
        pair.server.received(ByteBuffer(bytes: wire))
        #expect(throws: TransportError.badMAC) { try pair.server.nextEvent(into: &pair.toClient) }
    }

    @Test("a packet that comes twice is noticed", arguments: protections)
    func replayed(_ algorithms: TransportAlgorithms) throws {
        let (pair, wire) = try Self.replay(algorithms)
        var victim = pair
        victim.server.received(ByteBuffer(bytes: wire + wire))
        _ = try victim.server.nextEvent(into: &victim.toClient)
        #expect(throws: TransportError.self) {
            try victim.server.nextEvent(into: &victim.toClient)
        }
    }

    @Test("an encrypted packet cut at any byte is waited for", arguments: protections)
    func cut(_ algorithms: TransportAlgorithms) throws {
        let (pair, wire) = try Self.replay(algorithms)
        var victim = pair
        for byte in wire.dropLast() {
            victim.server.received(ByteBuffer(bytes: [byte]))
            guard try victim.server.nextEvent(into: &victim.toClient) == nil else {
                Issue.record("an event without the whole packet")
                return
            }
        }
    }

    @Test(
        "a number nobody knows is answered with UNIMPLEMENTED and its sequence number",
        arguments: [0, 9, 24, 40, 70, 110, 191, 255] as [UInt8]
    )
    func unknownNumbers(_ number: UInt8) throws {
        var pair = try MachinePair.established()
        try pair.clientSends(message(1))
        try pair.client.write(into: &pair.toServer) { $0.writeBytes([number, 1, 2]) }
        try pair.run()
        var sequences: [UInt32] = []
        for case .unimplemented(let sequence) in pair.clientEvents { sequences.append(sequence) }
        #expect(sequences == [1])
        try pair.clientSends(message(2))
        try pair.run()
        #expect(pair.serverPayloads == [message(1), message(2)])
    }

    @Test("IGNORE and DEBUG are passed over once there are keys")
    func ignored() throws {
        var pair = try MachinePair.established()
        try pair.client.write(into: &pair.toServer) { $0.writeBytes([2, 0, 0, 0, 0]) }
        try pair.client.write(into: &pair.toServer) { $0.writeBytes([4, 0]) }
        try pair.clientSends(message(2))
        try pair.run()
        #expect(pair.serverPayloads == [message(2)])
    }

    @Test("after DISCONNECT, sent or received, nothing goes in or out")
    func disconnect() throws {
        var pair = try MachinePair.established()
        pair.server.disconnect(.byApplication, "enough", into: &pair.toClient)
        pair.server.disconnect(.byApplication, "again", into: &pair.toClient)
        try pair.run()
        var said: [String] = []
        for case .disconnected(.byApplication, let text) in pair.clientEvents { said.append(text) }
        #expect(said == ["enough"])
        #expect(pair.server.isClosed && pair.client.isClosed)
        try pair.clientSends(message(1))
        try pair.serverSends(message(1))
        try pair.client.requestRekey(into: &pair.toServer)
        #expect(pair.toServer.readableBytes + pair.toClient.readableBytes == 0)
    }

    @Test("after an error the reason still reaches the peer")
    func disconnectAfterError() throws {
        var pair = try MachinePair.established()
        pair.server.received(ByteBuffer(bytes: [0, 0, 0, 1]))
        do {
            _ = try pair.server.nextEvent(into: &pair.toClient)
            Issue.record("no error")
        } catch {
            pair.server.disconnect(error.reason, error.text, into: &pair.toClient)
        }
        try pair.run()
        guard case .disconnected(.protocolError, let text) = pair.clientEvents.last else {
            Issue.record("no DISCONNECT")
            return
        }
        #expect(text == "Bad packet length 1.")
    }
}
