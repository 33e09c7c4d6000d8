import NIOCore

/// Reads a PROXY header from the first bytes of a connection; holds no state.
///
/// Accepts exactly what the specification has for stream connections and nothing that only looks
/// like it: whoever can send a header decides where a connection seems to come from.
enum ProxyHeaderReader {
    /// A whole version 1 line, CR LF included (section 2.1).
    static let longestText = 107
    /// A whole version 2 header. Addresses need 232 bytes at most; the rest is for additional
    /// fields, which are read over. The format could say 65,551.
    static let longestBinary = 4096

    private static let textStart = Array("PROXY ".utf8)
    private static let binaryStart: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// Reads `bytes`, the first of a connection; the same again with more of them after
    /// `.needsMore`, which no `longestBinary` bytes give.
    static func read(
        _ bytes: some RandomAccessCollection<UInt8>
    ) throws(ProxyHeaderProblem) -> ProxyHeaderReading {
        if bytes.starts(with: textStart) { return try readText(Array(bytes.prefix(longestText))) }
        if bytes.starts(with: binaryStart) {
            return try readBinary(Array(bytes.prefix(longestBinary)))
        }
        return textStart.starts(with: bytes) || binaryStart.starts(with: bytes)
            ? .needsMore : .absent
    }

    // MARK: - Version 1

    private static func readText(
        _ bytes: [UInt8]
    ) throws(ProxyHeaderProblem) -> ProxyHeaderReading {
        guard let end = bytes.firstIndex(of: 0x0A) else {
            guard bytes.count < longestText else {
                throw .malformed("a line of more than \(longestText) bytes")
            }
            return .needsMore
        }
        guard bytes[end - 1] == 0x0D else { throw .malformed("a line without CR LF") }
        let line = bytes[..<(end - 1)]
        // One blank between two words, no other control or blank.
        guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .malformed("an unprintable byte")
        }
        let words = String(decoding: line, as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        return .header(try header(words.dropFirst()), length: end + 1)
    }

    private static func header(
        _ words: ArraySlice<String>
    ) throws(ProxyHeaderProblem) -> ProxyHeader {
        // Whatever follows UNKNOWN is to be ignored.
        if words.first == "UNKNOWN" { return .proxyItself }
        let words = Array(words)
        guard words.count == 5 else { throw .malformed("not six words") }
        let family: NIOBSDSocket.ProtocolFamily
        switch words[0] {
        case "TCP4": family = .inet
        case "TCP6": family = .inet6
        default: throw .malformed("neither TCP4, TCP6 nor UNKNOWN")
        }
        let source = try address(words[1], words[3], family)
        _ = try address(words[2], words[4], family)
        return source
    }

    private static func address(
        _ host: String,
        _ port: String,
        _ family: NIOBSDSocket.ProtocolFamily
    ) throws(ProxyHeaderProblem) -> ProxyHeader {
        guard let number = UInt16(port), "\(number)" == port else {
            throw .malformed("a port that is no number from 0 to 65535")
        }
        // A zone (RFC 4007 §11) names an interface of the proxy.
        guard !host.contains("%"),
            let address = try? SocketAddress(ipAddress: host, port: Int(number)),
            address.protocol == family
        else { throw .malformed("an address that does not fit its family") }
        return .client(address)
    }
}

extension ProxyHeader {
    static func client(_ address: SocketAddress) -> Self {
        .client(host: address.plainHost, port: address.port ?? 0)
    }
}

extension SocketAddress {
    /// The IP address as text, without a zone, IPv4-mapped addresses (RFC 4291 §2.5.5.2) as IPv4;
    /// empty for a Unix socket.
    var plainHost: String {
        let host = ipAddress?.split(separator: "%").first.map(String.init) ?? ""
        let mapped = "::ffff:"
        return host.hasPrefix(mapped) && host.contains(".")
            ? String(host.dropFirst(mapped.count)) : host
    }
}
