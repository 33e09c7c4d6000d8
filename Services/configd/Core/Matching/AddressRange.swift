#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An IP address in network byte order; IPv4 inside IPv6 (RFC 4291 §2.5.5.2) counts as IPv4.
struct IPAddress: Sendable, Hashable {
    let bytes: [UInt8]

    /// Parses a literal without brackets or a zone.
    init?(_ text: String) {
        guard var bytes = Self.parse(text, AF_INET, 4) ?? Self.parse(text, AF_INET6, 16) else {
            return nil
        }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        if bytes.count == 16, bytes.starts(with: mapped) { bytes.removeFirst(12) }
        self.bytes = bytes
    }

    /// The host of `IP:port`, with IPv6 in brackets; a bare address is taken as well.
    init?(endpoint text: String) {
        if let address = IPAddress(text) {
            self = address
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.init(String(host))
    }

    private static func parse(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
        // inet_pton(3) reads up to a NUL, which a name of ours cannot hold.
        guard !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let isAddress = unsafe bytes.withUnsafeMutableBytes {
            unsafe inet_pton(family, text, $0.baseAddress) == 1
        }
        return isAddress ? bytes : nil
    }
}

/// A network such as `10.0.0.0/8` or `2001:db8::/32`, or one address.
struct AddressRange: Sendable, Hashable {
    private let address: IPAddress
    private let prefix: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let bits = address.bytes.count * 8
        let digits = parts.count == 2 ? parts[1] : "\(bits)"
        guard digits.allSatisfy({ ("0"..."9").contains($0) }), let prefix = Int(digits),
            prefix <= bits
        else { return nil }
        self.address = address
        self.prefix = prefix
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let (whole, rest) = prefix.quotientAndRemainder(dividingBy: 8)
        guard other.bytes[..<whole] == address.bytes[..<whole] else { return false }
        guard rest > 0 else { return true }
        return (other.bytes[whole] ^ address.bytes[whole]) >> (8 - UInt8(rest)) == 0
    }
}
