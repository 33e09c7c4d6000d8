import NIOCore
import Testing

@testable import SharedSSH

@Suite("Diffie-Hellman in the groups of RFC 3526")
struct DiffieHellmanTests {
    private static let groups: [DiffieHellman.Group] = [.modp2048, .modp4096]

    @Test("both sides come to the same secret", arguments: groups)
    func agreement(_ group: DiffieHellman.Group) throws {
        let one = try DiffieHellman(group)
        let other = try DiffieHellman(group)
        let secret = try one.agree(other.publicValue)
        #expect(try other.agree(one.publicValue) == secret)
        #expect(secret.count > 200)
    }

    @Test("values outside 1 < x < p-1 are refused", arguments: groups)
    func range(_ group: DiffieHellman.Group) throws {
        let key = try DiffieHellman(group)
        let prime = try prime(group)
        let outside: [[UInt8]] = [
            [], [0], [1], [0xff], prime, [0] + prime.changingLast(by: -1), [0] + prime,
            [0] + prime.changingLast(by: 1), [1] + prime, [0, 5], [UInt8](repeating: 0, count: 600),
        ]
        for value in outside {
            #expect(throws: TransportError.badPublicValue, "\(value.prefix(3))…") {
                try key.agree(ByteBuffer(bytes: value))
            }
        }
        // The contents of an mpint: the prime begins with a set bit, so a zero goes before it.
        for value in [[2], [0, 0x80], [0] + prime.changingLast(by: -2)] as [[UInt8]] {
            #expect(throws: Never.self) { try key.agree(ByteBuffer(bytes: value)) }
        }
    }

    @Test(
        "a server refuses such a value with reason 3",
        arguments: [[1], [], [0x80, 0]] as [[UInt8]]
    )
    func refused(_ value: [UInt8]) throws {
        let algorithms = TransportAlgorithms(keyExchanges: [.group14SHA256])
        var pair = MachinePair(clientAlgorithms: algorithms, serverAlgorithms: algorithms)
        try pair.start()
        // The client's KEXINIT alone, then a KEXDH_INIT of our own.
        try pair.deliverToServer()
        try pair.client.write(into: &pair.toServer) { buffer in
            buffer.writeSSHMessage(.keyExchangeMethodInit)
            buffer.writeSSHString(value)
        }
        #expect(throws: TransportError.badPublicValue) { try pair.deliverToServer() }
        #expect(TransportError.badPublicValue.reason == .keyExchangeFailed)
    }

    /// RFC 3526 §3 and §5: 2^n - 2^(n-64) - 1 + 2^64 · (⌊2^(n-130) · π⌋ + c); the ends are enough
    /// to tell the two primes from anything else.
    private func prime(_ group: DiffieHellman.Group) throws -> [UInt8] {
        let prime = try #require(try DiffieHellman(group).prime())
        #expect(prime.count == (group == .modp2048 ? 256 : 512))
        #expect(
            prime.prefix(12) == [255, 255, 255, 255, 255, 255, 255, 255, 0xc9, 0x0f, 0xda, 0xa2]
        )
        #expect(prime.suffix(8).allSatisfy { $0 == 255 })
        return prime
    }
}

extension [UInt8] {
    fileprivate func changingLast(by difference: Int) -> [UInt8] {
        var bytes = self
        var index = bytes.count - 1
        var sum = Int(bytes[index]) + difference
        while sum > 255, index > 0 {
            bytes[index] = UInt8(sum - 256)
            index -= 1
            sum = Int(bytes[index]) + 1
        }
        bytes[index] = UInt8(sum)
        return bytes
    }
}
