import NIOCore
import Testing

@testable import GuestAgent

@Suite("Packets of the forwarding protocol")
struct ForwardPacketTests {
    // The examples of ContainerSSH's own encoder.
    static let examples: [(packet: ByteBuffer, digits: String)] = [
        (
            ForwardSetup.dial.packet,
            "a36454797065006c436f6e6e656374696f6e496400675061796c6f61645863a86e436f6e6e656374696f6e"
                + "54797065026842696e64486f7374606842696e64506f7274006850726f746f636f6c606653637265656e"
                + "607053696e676c65436f6e6e656374696f6ef46c4175746850726f746f636f6c606a41757468436f6f6b"
                + "696560"
        ),
        (
            ForwardPacket.encode(ForwardPacket.success),
            "a36454797065016c436f6e6e656374696f6e496400675061796c6f6164f6"
        ),
        (
            ForwardPacket.encode(
                ForwardPacket.newConnection,
                1,
                ForwardOrigin.request(
                    .tcp(host: "127.0.0.1", port: 8080),
                    from: "192.0.2.1",
                    50_000
                )
            ),
            "a36454797065046c436f6e6e656374696f6e496401675061796c6f61645868a56850726f746f636f6c6374"
                + "637070436f6e6e656374656441646472657373693132372e302e302e316d436f6e6e6563746564506f72"
                + "74191f90714f726967696e61746f7241646472657373693139322e302e322e316e4f726967696e61746f"
                + "72506f727419c350"
        ),
        (
            ForwardPacket.encode(ForwardPacket.data, 1, ByteBuffer(string: "hi")),
            "a36454797065036c436f6e6e656374696f6e496401675061796c6f6164426869"
        ),
        (
            ForwardPacket.encode(ForwardPacket.closeConnection, 1),
            "a36454797065056c436f6e6e656374696f6e496401675061796c6f6164f6"
        ),
        (
            ForwardPacket.encode(ForwardPacket.noMoreConnections),
            "a36454797065066c436f6e6e656374696f6e496400675061796c6f6164f6"
        ),
    ]

    static func bytes(_ digits: String) -> [UInt8] {
        let values = digits.compactMap(\.hexDigitValue)
        return stride(from: 0, to: values.count, by: 2).map {
            UInt8(values[$0] << 4 | values[$0 + 1])
        }
    }

    @Test("the examples are written byte for byte", arguments: examples.indices)
    func written(_ index: Int) {
        let example = Self.examples[index]
        #expect(Array(example.packet.readableBytesView) == Self.bytes(example.digits))
    }

    @Test("they are read however they are cut")
    func cut() throws {
        let all = Self.examples.flatMap { Self.bytes($0.digits) }
        for size in [1, 2, 7, 64, all.count] {
            var decoder = ForwardDecoder()
            var kinds: [UInt64] = []
            for start in stride(from: 0, to: all.count, by: size) {
                decoder.add(ByteBuffer(bytes: all[start..<min(start + size, all.count)]))
                while let packet = try decoder.next() { kinds.append(packet.kind) }
            }
            #expect(kinds == [0, 1, 4, 3, 5, 6])
        }
    }

    @Test("other orders, letter cases and unknown keys are understood")
    func tolerant() throws {
        var writer = CBORWriter()
        writer.map(4)
        writer.text("payload")
        writer.string(ByteBuffer(string: "x"))
        writer.text("Later")
        writer.truth(true)
        writer.text("CONNECTIONID")
        writer.number(300)
        writer.text("type")
        writer.number(3)
        var decoder = ForwardDecoder()
        decoder.add(writer.bytes)
        let packet = try #require(try decoder.next())
        #expect(packet.kind == 3 && packet.id == 300 && packet.payload == ByteBuffer(string: "x"))
    }

    static let wrong: [[UInt8]] = [
        [0x01],
        [0xA1, 0x01, 0x01],
        [0xBF],
        [0xB8, 0x41],
        [0xA1, 0x61, 0x61, 0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [0xA1, 0x61, 0x61, 0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [0xA1, 0x61, 0x61] + [UInt8](repeating: 0x81, count: 12),
        [0xA0],
    ]

    @Test("what is no packet is refused", arguments: wrong)
    func refused(_ bytes: [UInt8]) {
        var decoder = ForwardDecoder()
        decoder.add(ByteBuffer(bytes: bytes))
        #expect(throws: ForwardFault.self) { _ = try decoder.next() }
    }

    @Test("no bytes at all trap or hold more than a packet")
    func garbage() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var decoder = ForwardDecoder()
            let count = Int.random(in: 1...60, using: &random)
            // Heads of maps, texts and numbers more often than others.
            let likely: [UInt8] = [0xA1, 0xA3, 0x61, 0x64, 0x18, 0x58, 0x81, 0xC0, 0xF6, 0x00]
            let bytes = (0..<count).map { _ in
                Bool.random(using: &random)
                    ? likely.randomElement(using: &random) ?? 0
                    : UInt8.random(in: 0...255, using: &random)
            }
            decoder.add(ByteBuffer(bytes: bytes))
            // Refused, which is all that can happen.
            while (try? decoder.next()) ?? nil != nil {}
        }
    }
}
