import Glibc

/// An IPv4 or IPv6 address. IPv4 in IPv6's clothes (`::ffff:10.0.0.1`) is the IPv4 address.
package struct IPAddress: Sendable, Hashable {
    /// The 128 bits, most significant first; IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2).
    let high: UInt64
    let low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff << 32

    package static let loopback4 = IPAddress(high: 0, low: mappedPrefix | 0x7f00_0001)
    package static let loopback6 = IPAddress(high: 0, low: 1)

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// Parses the usual text forms, without brackets; a zone (`%eth0`) is not accepted.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        // inet_pton(3) stops at a NUL, which must not hide what comes after it.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 {
            let value = bytes[..<4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(high: 0, low: Self.mappedPrefix | value)
        } else if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(bytes)
        } else {
            return nil
        }
    }

    /// An address from its 4 or 16 bytes in network order; `nil` for any other length.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4:
            let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(high: 0, low: Self.mappedPrefix | value)
        case 16: self.init(bytes)
        default: return nil
        }
    }

    private init(_ sixteen: [UInt8]) {
        self.init(
            high: sixteen[..<8].reduce(0) { $0 << 8 | UInt64($1) },
            low: sixteen[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        )
    }

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The IPv4 address that a translator or tunnel makes of this IPv6 address: `64:ff9b::/96`
    /// (RFC 6052), `2002::/16` (RFC 3056), `::/96` (RFC 4291 §2.5.5.1).
    package var embeddedIPv4: IPAddress? {
        let value: UInt64
        if high >> 48 == 0x2002 {
            value = high >> 16 & 0xffff_ffff
        } else if low >> 32 == 0, high == 0x0064_ff9b << 32 || high == 0 && low > 1 {
            value = low
        } else {
            return nil
        }
        return IPAddress(high: 0, low: Self.mappedPrefix | value)
    }

    private var bytes: [UInt8] {
        func split(_ word: UInt64) -> [UInt8] {
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
        return split(high) + split(low)
    }
}

extension IPAddress: CustomStringConvertible {
    /// The shortest usual form (RFC 5952), without brackets.
    package var description: String {
        if isIPv4 { return bytes[12...].map { "\($0)" }.joined(separator: ".") }
        let length = Int(INET6_ADDRSTRLEN)
        var text = [CChar](repeating: 0, count: length)
        let bytes = bytes
        _ = unsafe inet_ntop(AF_INET6, bytes, &text, socklen_t(length))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
