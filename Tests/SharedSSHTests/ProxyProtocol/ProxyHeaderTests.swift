import NIOCore
import Testing

@testable import SharedSSH

@Suite("PROXY headers")
struct ProxyHeaderTests {
    // MARK: - Version 1

    @Test(
        "a line names the client",
        arguments: [
            ("TCP4 203.0.113.7 10.0.0.1 41022 22", "203.0.113.7", 41022),
            ("TCP4 255.255.255.255 255.255.255.255 65535 65535", "255.255.255.255", 65535),
            ("TCP6 2001:db8::7 ::1 0 22", "2001:db8::7", 0),
            ("TCP6 ::ffff:203.0.113.7 ::1 1 22", "203.0.113.7", 1),
        ]
    )
    func text(line: String, host: String, port: Int) throws {
        let bytes = Array("PROXY \(line)\r\nSSH-2.0-x\r\n".utf8)
        let length = "PROXY \(line)\r\n".utf8.count
        let expected = ProxyHeaderReading.header(.client(host: host, port: port), length: length)
        #expect(try ProxyHeaderReader.read(bytes) == expected)
    }

    @Test(
        "a client that the proxy does not know leaves the connection's own address",
        arguments: ["UNKNOWN", "UNKNOWN ffff::1 whatever 99999", "UNKNOWN "]
    )
    func unknownText(line: String) throws {
        let bytes = Array("PROXY \(line)\r\n".utf8)
        #expect(
            try ProxyHeaderReader.read(bytes) == .header(.proxyItself, length: bytes.count)
        )
    }

    @Test(
        "a malformed line is refused",
        arguments: [
            "TCP4", "TCP4 1.2.3.4 1.2.3.4 1", "TCP4 1.2.3.4 1.2.3.4 1 2 3",
            "TCP4  1.2.3.4 1.2.3.4 1 2", "TCP4 1.2.3.4 1.2.3.4 01 2",
            "TCP4 1.2.3.4 1.2.3.4 1 65536",
            "TCP4 1.2.3.4 1.2.3.4 -1 2", "TCP4 1.2.3.4 1.2.3.4 +1 2", "TCP4 1.2.3.4 1.2.3.4  2",
            "TCP4 1.2.3 1.2.3.4 1 2", "TCP4 1.2.3.4.5 1.2.3.4 1 2", "TCP4 ::1 ::1 1 2",
            "TCP6 1.2.3.4 1.2.3.4 1 2", "TCP6 ::g ::1 1 2", "TCP6 fe80::1%lo ::1 1 2",
            "TCP4 localhost 1.2.3.4 1 2", "tcp4 1.2.3.4 1.2.3.4 1 2", "UDP4 1.2.3.4 1.2.3.4 1 2",
            "UNKNOWNX", "", "TCP4 1.2.3.4\t1.2.3.4 1 2", "TCP4 1.2.3.4 1.2.3.4 1 2\u{0}",
            "TCP4 1.2.3.4 1.2.3.4 1 2 ", "TCP4 ٣.2.3.4 1.2.3.4 1 2",
        ]
    )
    func malformedText(line: String) {
        #expect(throws: ProxyHeaderProblem.self) {
            try ProxyHeaderReader.read(Array("PROXY \(line)\r\n".utf8))
        }
    }

    @Test("a line that ends without CR is refused, and so is one without an end")
    func endlessText() throws {
        #expect(throws: ProxyHeaderProblem.self) {
            try ProxyHeaderReader.read(Array("PROXY UNKNOWN\n".utf8))
        }
        let long = Array("PROXY UNKNOWN ".utf8) + Array(repeating: UInt8(ascii: "x"), count: 4000)
        #expect(try ProxyHeaderReader.read(Array(long.prefix(106))) == .needsMore)
        #expect(throws: ProxyHeaderProblem.self) { try ProxyHeaderReader.read(long) }
        #expect(throws: ProxyHeaderProblem.self) {
            try ProxyHeaderReader.read(Array(long.prefix(106)) + Array("\r\n".utf8))
        }
    }

    // MARK: - Version 2

    @Test("a binary header names the client")
    func binary() throws {
        let four = binaryHeader(0x21, 0x11, [203, 0, 113, 7, 10, 0, 0, 1, 0xA0, 0x3E, 0, 22])
        #expect(try read(four + [1, 2]) == .client(host: "203.0.113.7", port: 41022))
        let source: [UInt8] = [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        let six = binaryHeader(0x21, 0x21, source + source + [0, 1, 0, 22])
        #expect(try read(six) == .client(host: "2001:db8::7", port: 1))
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 10, 1, 2, 3]
        let old = binaryHeader(0x21, 0x21, mapped + mapped + [0, 1, 0, 22])
        #expect(try read(old) == .client(host: "10.1.2.3", port: 1))
        let unix = binaryHeader(0x21, 0x31, Array(repeating: 0x41, count: 216))
        #expect(try read(unix) == .localClient)
    }

    @Test("LOCAL and an unspecified family leave the connection's own address, whatever follows")
    func local() throws {
        for header in [
            binaryHeader(0x20, 0x00, []), binaryHeader(0x20, 0x11, [1, 2, 3]),
            binaryHeader(0x20, 0x77, Array(repeating: 9, count: 300)),
            binaryHeader(0x21, 0x00, [1, 2, 3, 4]),
        ] {
            #expect(try read(header) == .proxyItself)
        }
    }

    @Test("additional fields are read over, and a checksum must be right")
    func fields() throws {
        let addresses: [UInt8] = [203, 0, 113, 7, 10, 0, 0, 1, 0xA0, 0x3E, 0, 22]
        let authority: [UInt8] = [0x02, 0, 3, 0x61, 0x62, 0x63]
        let empty: [UInt8] = [0x04, 0, 0]
        let plain = binaryHeader(0x21, 0x11, addresses + authority + empty)
        #expect(try read(plain) == .client(host: "203.0.113.7", port: 41022))
        var signed = binaryHeader(0x21, 0x11, addresses + authority + [0x03, 0, 4, 0, 0, 0, 0])
        let sum = CRC32C.checksum(signed)
        for index in 0..<4 {
            signed[signed.count - 4 + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index))
        }
        #expect(try read(signed) == .client(host: "203.0.113.7", port: 41022))
        // A changed type makes it a field that nobody knows.
        let type = signed.count - 7
        for index in signed.indices where index >= 16 && index != type {
            var forged = signed
            forged[index] ^= 1
            #expect(throws: ProxyHeaderProblem.self) { try read(forged) }
        }
    }

    @Test("the checksum is Castagnoli's (RFC 3720, B.4)")
    func checksum() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum(Array(repeating: UInt8(0), count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum(Array(repeating: UInt8(0xFF), count: 32)) == 0x62A8_AB43)
    }

    @Test("a malformed binary header is refused")
    func malformedBinary() {
        let addresses: [UInt8] = [203, 0, 113, 7, 10, 0, 0, 1, 0xA0, 0x3E, 0, 22]
        for header in [
            binaryHeader(0x11, 0x11, addresses), binaryHeader(0x31, 0x11, addresses),
            binaryHeader(0x22, 0x11, addresses), binaryHeader(0x2F, 0x11, addresses),
            binaryHeader(0x21, 0x12, addresses), binaryHeader(0x21, 0x10, addresses),
            binaryHeader(0x21, 0x01, addresses), binaryHeader(0x21, 0x41, addresses),
            binaryHeader(0x21, 0x11, Array(addresses.dropLast())), binaryHeader(0x21, 0x11, []),
            binaryHeader(0x21, 0x21, Array(repeating: 0, count: 35)),
            binaryHeader(0x21, 0x31, Array(repeating: 0, count: 215)),
            binaryHeader(0x21, 0x11, addresses + [4]),
            binaryHeader(0x21, 0x11, addresses + [4, 0]),
            binaryHeader(0x21, 0x11, addresses + [4, 0, 1]),
            binaryHeader(0x21, 0x11, addresses + [4, 0xFF, 0xFF, 0]),
            binaryHeader(0x21, 0x11, addresses + [3, 0, 3, 0, 0, 0]),
            binaryHeader(0x20, 0x00, Array(repeating: 0, count: 4081)),
        ] {
            #expect(throws: ProxyHeaderProblem.self, "\(header.prefix(20))") { try read(header) }
        }
    }

    @Test("a length that is too large is refused at once")
    func oversized() {
        let header = Array(binaryHeader(0x21, 0x11, Array(repeating: 0, count: 4081)).prefix(16))
        #expect(throws: ProxyHeaderProblem.self) { try ProxyHeaderReader.read(header) }
    }

    // MARK: - Pieces

    @Test("every beginning of a header asks for more")
    func truncated() throws {
        let addresses: [UInt8] = [203, 0, 113, 7, 10, 0, 0, 1, 0xA0, 0x3E, 0, 22]
        for header in [
            Array("PROXY TCP4 203.0.113.7 10.0.0.1 41022 22\r\n".utf8),
            binaryHeader(0x21, 0x11, addresses + [4, 0, 2, 0, 0]), binaryHeader(0x20, 0, []),
        ] {
            for length in header.indices {
                #expect(try ProxyHeaderReader.read(Array(header.prefix(length))) == .needsMore)
            }
        }
    }

    @Test(
        "what an SSH client says first is no header",
        arguments: ["S", "SSH-2.0-OpenSSH_9.2\r\n", "P-", "PROXYSSH", "\r\n\r\nSSH", "\0"]
    )
    func absent(text: String) throws {
        #expect(try ProxyHeaderReader.read(Array(text.utf8)) == .absent)
    }

    @Test("no bytes trap the reader")
    func hostile() {
        var random = SplitMix64(seed: 20_261_121)
        let good = binaryHeader(0x21, 0x11, [203, 0, 113, 7, 10, 0, 0, 1, 0xA0, 0x3E, 0, 22])
        var kinds: Set<String> = []
        for _ in 0..<20_000 {
            var bytes = random.next() % 2 == 0 ? good : Array("PROXY TCP4 1.2.3.4 ::1 1 2\r\n".utf8)
            for _ in 0..<(1 + random.next() % 4) {
                let index = Int(random.next() % UInt64(bytes.count))
                bytes[index] = UInt8(truncatingIfNeeded: random.next())
            }
            let reading = Result { try ProxyHeaderReader.read(bytes) }
            kinds.insert("\(reading)".prefix(60).description)
        }
        #expect(kinds.count > 3)
    }

    private func read(_ bytes: [UInt8]) throws -> ProxyHeader? {
        guard case .header(let header, _) = try ProxyHeaderReader.read(bytes) else { return nil }
        return header
    }
}

/// A version 2 header with `content` as its addresses and fields.
func binaryHeader(_ command: UInt8, _ family: UInt8, _ content: [UInt8]) -> [UInt8] {
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family]
        + [UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
}
