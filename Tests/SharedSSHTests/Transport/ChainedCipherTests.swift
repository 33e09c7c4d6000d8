import NIOCore
import Testing

@testable import SharedSSH

@Suite("AES-CBC")
struct ChainedCipherTests {
    private static let algorithms = TransportAlgorithms(
        keyExchanges: [.curve25519],
        ciphers: [.aes128CBC],
        macs: [.sha1]
    )

    @Test("whatever is changed, the refusal comes after the same number of bytes")
    func refusalShowsNothing() throws {
        let size = try packet().wire.count
        var counts: Set<Int> = []
        for position in 0..<size {
            counts.insert(try bytesUntilRefusal { $0[position] ^= 0x81 })
        }
        // The first block, and then as much as the longest packet has.
        #expect(counts == [16 + PacketReader.maximumLengthBefore])
    }

    @Test("an equal message twice is not equal on the wire, padding included")
    func chained() throws {
        var (pair, first) = try packet()
        pair.toServer.clear()
        try pair.clientSends(message(40))
        #expect(Array(pair.toServer.readableBytesView) != first)
    }

    @Test("neither CBC nor SHA-1 nor a finite field is offered unless asked for")
    func defaults() {
        let offered = TransportAlgorithms()
        #expect(!offered.ciphers.contains { $0.rawValue.contains("cbc") })
        #expect(!offered.macs.contains { $0.rawValue.contains("sha1") })
        #expect(!offered.keyExchanges.contains { $0.rawValue.contains("diffie") })
    }

    private func packet() throws -> (pair: MachinePair, wire: [UInt8]) {
        var pair = try MachinePair.established(
            clientAlgorithms: Self.algorithms,
            serverAlgorithms: Self.algorithms
        )
        try pair.clientSends(message(40))
        return (pair, Array(pair.toServer.readableBytesView))
    }

    /// How many bytes the server takes until it refuses a changed packet.
    private func bytesUntilRefusal(_ change: (inout [UInt8]) -> Void) throws -> Int {
        var (pair, wire) = try packet()
        change(&wire)
        wire += [UInt8](repeating: 0x55, count: 40_000)
        // All but the last bytes at once: a refusal among them would have another count.
        var taken = 35_000
        pair.server.received(ByteBuffer(bytes: wire.prefix(taken)))
        while taken < wire.count {
            do throws(TransportError) {
                let event = try pair.server.nextEvent(into: &pair.toClient)
                #expect(event == nil)
            } catch {
                #expect(error == .badMAC)
                return taken
            }
            pair.server.received(ByteBuffer(bytes: [wire[taken]]))
            taken += 1
        }
        return 0
    }
}
