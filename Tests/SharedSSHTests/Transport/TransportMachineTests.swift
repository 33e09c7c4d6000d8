import NIOCore
import Testing

@testable import SharedSSH

@Suite("Two machines talking to each other")
struct TransportMachineTests {
    @Test("the defaults agree on the post-quantum method and AES-GCM, strictly")
    func defaults() throws {
        let pair = try MachinePair.established()
        let facts = try #require(pair.serverFacts)
        #expect(facts == pair.clientFacts)
        #expect(facts.clientVersion == "SSH-2.0-Test_Client")
        #expect(facts.keyExchange == "mlkem768x25519-sha256")
        #expect(facts.hostKeyAlgorithm == "ssh-ed25519")
        #expect(facts.inboundCipher == "aes128-gcm@openssh.com")
        #expect(facts.inboundMAC == nil)
        #expect(facts.isStrict)
        #expect(pair.client.sessionID != nil)
        #expect(pair.client.sessionID == pair.server.sessionID)
    }

    @Test("every key exchange method works", arguments: KeyExchangeMethod.allCases)
    func keyExchange(_ method: KeyExchangeMethod) throws {
        let algorithms = TransportAlgorithms(keyExchanges: [method])
        var pair = try MachinePair.established(
            clientAlgorithms: algorithms,
            serverAlgorithms: algorithms
        )
        try pair.clientSends(message(100))
        try pair.run()
        #expect(pair.serverPayloads == [message(100)])
    }

    @Test(
        "every cipher with every MAC carries messages of any size both ways",
        arguments: CipherAlgorithm.allCases,
        MACAlgorithm.allCases
    )
    func protection(_ cipher: CipherAlgorithm, _ mac: MACAlgorithm) throws {
        let algorithms = TransportAlgorithms(ciphers: [cipher], macs: [mac])
        var pair = try MachinePair.established(
            clientAlgorithms: algorithms,
            serverAlgorithms: algorithms
        )
        let sizes = Array(0...40) + [1000, 32768]
        for size in sizes {
            try pair.clientSends(message(size))
            try pair.serverSends(message(size, fill: 1))
        }
        try pair.run()
        #expect(pair.serverPayloads == sizes.map { message($0) })
        #expect(pair.clientPayloads == sizes.map { message($0, fill: 1) })
        #expect(pair.serverFacts?.outboundMAC == (cipher.isAuthenticated ? nil : mac.rawValue))
    }

    @Test("bytes may arrive one at a time", arguments: CipherAlgorithm.allCases)
    func byteAtATime(_ cipher: CipherAlgorithm) throws {
        for mac in MACAlgorithm.allCases {
            let algorithms = TransportAlgorithms(ciphers: [cipher], macs: [mac])
            var pair = MachinePair(clientAlgorithms: algorithms, serverAlgorithms: algorithms)
            try pair.start()
            try pair.run(chunk: 1)
            try pair.clientSends(message(50))
            try pair.serverSends(message(60))
            try pair.run(chunk: 1)
            #expect(pair.serverPayloads == [message(50)])
            #expect(pair.clientPayloads == [message(60)])
        }
    }

    @Test(
        "reads may end anywhere within packets, or hold many of them",
        arguments: CipherAlgorithm.allCases,
        [13, 1000, 33_333, 100_000]
    )
    func readsOfAnySize(_ cipher: CipherAlgorithm, _ size: Int) throws {
        for mac in [MACAlgorithm.sha256, .sha256ETM] {
            let algorithms = TransportAlgorithms(ciphers: [cipher], macs: [mac])
            var pair = try MachinePair.established(
                clientAlgorithms: algorithms,
                serverAlgorithms: algorithms
            )
            let messages = [1, 32_768, 4000, 32_768, 32_768, 1, 2, 20_000, 32_768, 5].enumerated()
                .map { message($1, fill: UInt8($0)) }
            for message in messages { try pair.clientSends(message) }
            try pair.run(chunk: size)
            #expect(pair.serverPayloads == messages)
        }
    }

    @Test("the client hears which user key algorithms the server takes")
    func extensionInfo() throws {
        let pair = try MachinePair.established()
        var heard: [ExtensionInfo] = []
        for case .extensionInfo(let info) in pair.clientEvents { heard.append(info) }
        let info = try #require(heard.first)
        #expect(heard.count == 1)
        #expect(info.entries.map(\.name) == ["server-sig-algs", "ping@openssh.com"])
        #expect(
            info.entries.first.map { String(decoding: $0.value, as: UTF8.self) }?
                .contains("rsa-sha2-512") == true
        )
    }

    @Test("messages sent before the first keys wait for them, in order")
    func heldFromTheStart() throws {
        var pair = MachinePair()
        try pair.start()
        #expect(pair.client.isRekeying)
        for index in 0..<5 { try pair.clientSends(message(index)) }
        try pair.run()
        #expect(pair.serverPayloads == (0..<5).map { message($0) })
        #expect(!pair.client.isRekeying)
    }
}
