import Crypto

/// What makes two waiting containers interchangeable: a digest of all that they are made from.
package struct PoolKey: Hashable, Sendable, CustomStringConvertible {
    private let digest: [UInt8]

    /// `parts` in a fixed order; where one ends and the next begins is part of the digest.
    package init(hashing parts: [[UInt8]]) {
        var hash = SHA256()
        for part in parts {
            let count = UInt64(part.count)
            hash.update(data: (0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) })
            hash.update(data: part)
        }
        digest = Array(hash.finalize())
    }

    /// The first eight bytes in hexadecimal digits, for the log.
    package var description: String {
        digest.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
