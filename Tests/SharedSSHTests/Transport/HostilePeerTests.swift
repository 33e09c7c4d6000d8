import NIOCore
import Testing

@testable import SharedSSH

@Suite("Peers that do not keep to the protocol")
struct HostilePeerTests {
    private static let protections: [TransportAlgorithms] =
        [TransportAlgorithms()]
        + MACAlgorithm.allCases.map { TransportAlgorithms(ciphers: [.aes256CTR], macs: [$0]) }

    private func server() throws -> (TransportMachine, ByteBuffer) {
        var machine = TransportMachine(
            role: .server,
            settings: TransportSettings(hostKeys: [.fixed])
        )
        var out = ByteBuffer()
        try machine.start(into: &out)
        return (machine, out)
    }

    /// What a server makes of `bytes` right after its start.
    private func serve(_ bytes: ByteBuffer) throws -> TransportError? {
        var (machine, out) = try server()
        machine.received(bytes)
        do {
            while try machine.nextEvent(into: &out) != nil {}
        } catch {
            #expect(machine.isClosed)
            return error
        }
        return nil
    }

    private func clear(_ payload: [UInt8]) throws -> ByteBuffer {
        var writer = PacketWriter()
        var out = ByteBuffer()
        try writer.write(into: &out) { $0.writeBytes(payload) }
        return out
    }

    // MARK: Identification

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

    // MARK: Packets

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

    // MARK: Key exchange

    /// What `client` sends first, without the identification, and a message put before it.
    private func inject(
        _ payloads: [[UInt8]],
        isStrict: Bool
    ) throws -> TransportError? {
        var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
        var writer = PacketWriter()
        for payload in payloads {
            try writer.write(into: &bytes) { $0.writeBytes(payload) }
        }
        var offer = KeyExchangeInit(TransportSettings(), role: .client, isFirst: isStrict)
        offer.keyExchanges.removeAll { $0 == KeyExchangeInit.extensionsWanted }
        try writer.write(into: &bytes) { $0.writeImmutableBuffer(offer.payload()) }
        return try serve(bytes)
    }

    @Test(
        "a packet put before KEXINIT is refused under strict rules and taken without",
        arguments: [[2, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0]] as [[UInt8]]
    )
    func beforeInit(_ payload: [UInt8]) throws {
        #expect(try inject([payload], isStrict: true) == .strictKeyExchangeViolated(20))
        #expect(try inject([payload], isStrict: false) == nil)
    }

    @Test(
        "a packet put between KEXINIT and NEWKEYS is refused under strict rules",
        arguments: [2, 3, 4, 7, 94, 200] as [UInt8]
    )
    func duringExchange(_ number: UInt8) throws {
        var pair = MachinePair()
        try pair.start()
        try pair.client.write(into: &pair.toServer) { $0.writeBytes([number, 0, 0, 0, 0, 0]) }
        #expect(throws: TransportError.strictKeyExchangeViolated(number)) {
            try pair.deliverToServer()
        }
    }

    @Test("the client refuses what was put before the server's NEWKEYS, too")
    func injectedToClient() throws {
        var pair = MachinePair()
        try pair.start()
        try pair.server.write(into: &pair.toClient) { $0.writeBytes([2, 0, 0, 0, 0]) }
        #expect(throws: TransportError.strictKeyExchangeViolated(2)) { try pair.deliverToClient() }
    }

    @Test("sequence numbers start again with new keys, so that a dropped EXT_INFO is noticed")
    func droppedPacket() throws {
        let algorithms = TransportAlgorithms(ciphers: [.aes128CTR], macs: [.sha256ETM])
        var pair = MachinePair(clientAlgorithms: algorithms, serverAlgorithms: algorithms)
        try pair.start()
        try pair.deliverToServer()
        try pair.deliverToClient()
        try pair.deliverToServer()
        #expect(pair.server.writer.sequence == 1)
        // REPLY and NEWKEYS stay, EXT_INFO, the first under the new keys, is taken out.
        var clearReader = PacketReader()
        var rest = pair.toClient
        _ = try clearReader.next(&rest)
        _ = try clearReader.next(&rest)
        let kept = pair.toClient.readableBytes - rest.readableBytes
        var short = pair.toClient
        short.moveWriterIndex(to: short.readerIndex + kept)
        pair.toClient.clear()
        try pair.serverSends(message(1))
        short.writeBuffer(&pair.toClient)
        pair.toClient = short
        #expect(throws: TransportError.badMAC) { try pair.deliverToClient() }
    }

    @Test(
        "messages of the layers above have no place before the keys",
        arguments: [5, 50, 80, 90] as [UInt8]
    )
    func beforeKeys(_ number: UInt8) throws {
        let packet = try clear([number, 0, 0, 0, 0])
        var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
        bytes.writeImmutableBuffer(packet)
        #expect(try serve(bytes) == .unexpectedMessage(number))
    }

    @Test(
        "a second KEXINIT, a NEWKEYS without exchange and a stray REPLY are refused",
        arguments: [20, 21, 30, 31] as [UInt8]
    )
    func stray(_ number: UInt8) throws {
        var pair = try MachinePair.established()
        try pair.client.write(into: &pair.toServer) { $0.writeBytes([number]) }
        #expect(throws: TransportError.self) { try pair.deliverToServer() }
    }

    @Test("KEXINIT cut at any byte is malformed")
    func cutInit() throws {
        let offer = KeyExchangeInit(TransportSettings(), role: .client, isFirst: true).payload()
        for length in 1..<offer.readableBytes {
            let cut = try #require(offer.getBytes(at: offer.readerIndex, length: length))
            var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
            bytes.writeImmutableBuffer(try clear(cut))
            #expect(try serve(bytes) == .malformedMessage(20))
        }
    }

    @Test("nothing in common is said to be so, list by list")
    func nothingInCommon() throws {
        let all = TransportAlgorithms(keyExchanges: [.curve25519])
        var other = TransportAlgorithms(keyExchanges: [.nistp256])
        #expect(
            throws: TransportError.noCommonAlgorithm(
                .keyExchange,
                offered: ["ecdh-sha2-nistp256", "ext-info-c", "kex-strict-c-v00@openssh.com"]
            )
        ) {
            try negotiate(client: other, server: all)
        }
        other = all
        other.hostKeys = [.rsaSHA512]
        #expect(throws: TransportError.noCommonAlgorithm(.hostKey, offered: ["rsa-sha2-512"])) {
            try negotiate(client: other, server: all)
        }
        other = all
        other.ciphers = []
        #expect(throws: TransportError.noCommonAlgorithm(.cipherToServer, offered: [])) {
            try negotiate(client: other, server: all)
        }
        other.ciphers = [.aes128CTR]
        other.macs = [.sha512]
        #expect(throws: TransportError.noCommonAlgorithm(.macToServer, offered: ["hmac-sha2-512"]))
        {
            try negotiate(client: other, server: all)
        }
    }

    private func negotiate(client: TransportAlgorithms, server: TransportAlgorithms) throws {
        var pair = MachinePair(clientAlgorithms: client, serverAlgorithms: server)
        try pair.start()
        try pair.deliverToServer()
    }

    @Test("the client's order decides")
    func clientDecides() throws {
        let pair = try MachinePair.established(
            clientAlgorithms: TransportAlgorithms(
                keyExchanges: [.nistp384, .curve25519],
                ciphers: [.aes256CTR, .aes128GCM],
                macs: [.sha512ETM, .sha256ETM]
            ),
            serverAlgorithms: TransportAlgorithms(keyExchanges: [.curve25519, .nistp384])
        )
        #expect(pair.serverFacts?.keyExchange == "ecdh-sha2-nistp384")
        #expect(pair.serverFacts?.inboundCipher == "aes256-ctr")
        #expect(pair.serverFacts?.inboundMAC == "hmac-sha2-512-etm@openssh.com")
    }

    @Test(
        "public values that are none, or lead to zeros, are refused",
        arguments: KeyExchangeMethod.allCases
    )
    func badPublicValues(_ method: KeyExchangeMethod) throws {
        let good = try ClientKeyAgreement(method).publicValue
        var values = [
            ByteBuffer(), ByteBuffer(bytes: [4]),
            ByteBuffer(repeating: 0xff, count: good.readableBytes + 1),
            try #require(good.getSlice(at: good.readerIndex, length: good.readableBytes - 1)),
        ]
        switch method {
        case .curve25519, .curve25519LibSSH: values.append(ByteBuffer(repeating: 0, count: 32))
        case .mlkem768x25519:
            // The last 32 bytes are X25519's, the first a vector whose numbers must be reduced.
            var zeros = good
            zeros.setRepeatingByte(0, count: 32, at: zeros.writerIndex - 32)
            values.append(zeros)
            var unreduced = good
            unreduced.setRepeatingByte(0xff, count: 3, at: unreduced.readerIndex)
            values.append(unreduced)
        default: values.append(ByteBuffer(repeating: 0, count: good.readableBytes))
        }
        for value in values {
            #expect(throws: TransportError.badPublicValue) {
                try ServerKeyAgreement(method, clientPublic: value)
            }
        }
    }

    @Test("a client does not go on with a host whose key it does not trust")
    func untrustedHost() throws {
        var pair = MachinePair(hostKeys: [.fixed])
        pair.server = TransportMachine(
            role: .server,
            settings: TransportSettings(hostKeys: [try .generateEd25519()])
        )
        try pair.start()
        #expect(throws: TransportError.hostKeyNotTrusted) { try pair.run() }
    }

    @Test("a wrong guess of the first packet is passed over, a right one is used")
    func guesses() throws {
        for (guess, isRight) in [(KeyExchangeMethod.nistp256, false), (.curve25519, true)] {
            var (machine, out) = try serverOf([.curve25519, .nistp256])
            let wanted: [KeyExchangeMethod] = [guess, .curve25519]
            let settings = TransportSettings(
                algorithms: TransportAlgorithms(keyExchanges: wanted)
            )
            var offer = KeyExchangeInit(settings, role: .client, isFirst: true)
            if !isRight { offer.hostKeys = ["ssh-unheard-of", "ssh-ed25519"] }
            offer.firstPacketFollows = true
            var bytes = ByteBuffer(string: "SSH-2.0-x\r\n")
            var writer = PacketWriter()
            try writer.write(into: &bytes) { $0.writeImmutableBuffer(offer.payload()) }
            let values = isRight ? [guess] : [.curve25519LibSSH, guess]
            for method in values {
                let value = try ClientKeyAgreement(method).publicValue
                try writer.write(into: &bytes) { buffer in
                    buffer.writeSSHMessage(.keyExchangeMethodInit)
                    buffer.writeSSHString(value)
                }
            }
            machine.received(bytes)
            while try machine.nextEvent(into: &out) != nil {}
            #expect(machine.sessionID != nil)
        }
    }

    private func serverOf(_ methods: [KeyExchangeMethod]) throws -> (TransportMachine, ByteBuffer) {
        var machine = TransportMachine(
            role: .server,
            settings: TransportSettings(
                algorithms: TransportAlgorithms(keyExchanges: methods),
                hostKeys: [.fixed]
            )
        )
        var out = ByteBuffer()
        try machine.start(into: &out)
        return (machine, out)
    }

    // MARK: After the exchange

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
