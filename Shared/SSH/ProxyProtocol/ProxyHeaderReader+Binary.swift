import NIOCore

/// Version 2 (`proxy-protocol.txt`, section 2.2).
extension ProxyHeaderReader {
    private static let fixedLength = 16

    /// What the family byte may say, with the bytes its two addresses take.
    private enum Family: UInt8 {
        case unspecified = 0x00
        case ipv4 = 0x11
        case ipv6 = 0x21
        case unix = 0x31

        var length: Int {
            switch self {
            case .unspecified: 0
            case .ipv4: 12
            case .ipv6: 36
            case .unix: 216
            }
        }
    }

    static func readBinary(
        _ bytes: [UInt8]
    ) throws(ProxyHeaderProblem) -> ProxyHeaderReading {
        guard bytes.count >= fixedLength else { return .needsMore }
        guard bytes[12] >> 4 == 2 else { throw .malformed("version \(bytes[12] >> 4)") }
        let length = fixedLength + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= longestBinary else { throw .malformed("\(length) bytes are too many") }
        guard bytes.count >= length else { return .needsMore }
        switch bytes[12] & 0x0F {
        case 0: return .header(.proxyItself, length: length)  // all else is to be ignored
        case 1: return .header(try header(Array(bytes[..<length])), length: length)
        case let command: throw .malformed("command \(command)")
        }
    }

    private static func header(_ bytes: [UInt8]) throws(ProxyHeaderProblem) -> ProxyHeader {
        guard let family = Family(rawValue: bytes[13]) else {
            throw .malformed("family and protocol \(bytes[13])")
        }
        guard family != .unspecified else { return .proxyItself }
        guard bytes.count >= fixedLength + family.length else {
            throw .malformed("too short for its addresses")
        }
        try checkFields(bytes, from: fixedLength + family.length)
        switch family {
        case .ipv4: return try address(bytes, hostLength: 4)
        case .ipv6: return try address(bytes, hostLength: 16)
        case .unix, .unspecified: return .localClient
        }
    }

    /// The source comes first, then the destination, then both ports.
    private static func address(
        _ bytes: [UInt8],
        hostLength: Int
    ) throws(ProxyHeaderProblem) -> ProxyHeader {
        let host = ByteBuffer(bytes: bytes[fixedLength..<(fixedLength + hostLength)])
        let place = fixedLength + 2 * hostLength
        let port = Int(bytes[place]) << 8 + Int(bytes[place + 1])
        guard let address = try? SocketAddress(packedIPAddress: host, port: port) else {
            throw .malformed("an address that cannot be")
        }
        return .client(address)
    }

    // MARK: - Additional fields

    private static let checksumField: UInt8 = 0x03

    /// Every field must lie within the header, and a checksum must be right.
    private static func checkFields(_ bytes: [UInt8], from start: Int) throws(ProxyHeaderProblem) {
        var place = start
        var isChecked = false
        while place < bytes.count {
            guard bytes.count - place >= 3 else { throw .malformed("half a field") }
            let length = Int(bytes[place + 1]) << 8 + Int(bytes[place + 2])
            let value = place + 3
            guard bytes.count - value >= length else { throw .malformed("half a field") }
            if bytes[place] == checksumField {
                guard length == 4, !isChecked else { throw .malformed("two checksums, or half") }
                guard isRight(bytes, checksumAt: value) else { throw .malformed("the checksum") }
                isChecked = true
            }
            place = value + length
        }
    }

    /// The checksum is made with zeros in its own place.
    private static func isRight(_ bytes: [UInt8], checksumAt place: Int) -> Bool {
        let stated = bytes[place..<(place + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        var bytes = bytes
        bytes.replaceSubrange(place..<(place + 4), with: [0, 0, 0, 0])
        return CRC32C.checksum(bytes) == stated
    }
}
