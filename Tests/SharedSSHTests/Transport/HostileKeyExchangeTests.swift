import NIOCore
import Testing

@testable import SharedSSH

@Suite("Key exchanges that do not keep to the protocol")
struct HostileKeyExchangeTests {
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
        try pair.deliverToServer()
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
        let packet = try clearPacket([number, 0, 0, 0, 0])
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
            bytes.writeImmutableBuffer(try clearPacket(cut))
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
        case .group14SHA256, .group14SHA1, .group16SHA512:
            // Nearly any number will do; `DiffieHellmanTests` has those that do not.
            values = [ByteBuffer(), ByteBuffer(repeating: 0xff, count: good.readableBytes + 1)]
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
}
