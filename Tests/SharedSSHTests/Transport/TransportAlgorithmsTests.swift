import NIOCore
import Testing

@testable import SharedSSH

@Suite("Algorithms from a configuration")
struct TransportAlgorithmsTests {
    @Test("known names are taken in order, unknown ones are reported")
    func names() {
        var unknown: [String] = []
        let algorithms = TransportAlgorithms(
            names: .init(
                keyExchanges: ["ecdh-sha2-nistp256", "diffie-hellman-group1-sha1"],
                hostKeys: ["rsa-sha2-256"],
                ciphers: ["arcfour", "aes256-ctr", "aes128-ctr"]
            ),
            unknown: &unknown
        )
        #expect(algorithms.keyExchanges == [.nistp256])
        #expect(algorithms.hostKeys == [.rsaSHA256])
        #expect(algorithms.ciphers == [.aes256CTR, .aes128CTR])
        #expect(algorithms.macs == MACAlgorithm.defaults)
        #expect(unknown == ["diffie-hellman-group1-sha1", "arcfour"])
    }

    @Test("a server whose only key is ECDSA offers that by default")
    func onlyECDSA() throws {
        let pair = try MachinePair.established(hostKeys: [try .generateECDSA256()])
        #expect(pair.serverFacts?.hostKeyAlgorithm == "ecdsa-sha2-nistp256")
    }
}
