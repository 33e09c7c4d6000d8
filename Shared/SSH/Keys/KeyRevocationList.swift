import Crypto

/// Which keys and certificates are no longer good: OpenSSH's binary format (its PROTOCOL.krl), or
/// a text with one public key a line.
package struct KeyRevocationList: Sendable {
    /// Whole keys in wire form, without certificates around them.
    var keys: Set<[UInt8]> = []
    var sha1: Set<[UInt8]> = []
    var sha256: Set<[UInt8]> = []
    /// By the authority's key; the empty key stands for every authority.
    var certificates: [[UInt8]: RevokedCertificates] = [:]

    /// An empty list.
    package init() {}

    /// Reads either format; `KeyError.malformed` where neither fits, as half a list protects
    /// nobody.
    package init(bytes: [UInt8]) throws(KeyError) {
        if bytes.starts(with: Self.magic) {
            try self.init(binary: bytes)
        } else {
            try self.init(text: String(decoding: bytes, as: UTF8.self))
        }
    }

    private init(text: String) throws(KeyError) {
        for line in text.split(whereSeparator: \.isNewline) {
            // Types that cannot be used here need no revoking here.
            do {
                if let key = try AuthorizedKey.parse(line) { keys.insert(key.key.blob) }
            } catch .unsupportedType, .badRSASize {
                continue
            } catch {
                throw error
            }
        }
    }

    /// Whether a plain key, in wire form, is revoked.
    package func revokes(_ blob: [UInt8]) -> Bool {
        if keys.contains(blob) { return true }
        if !sha256.isEmpty, sha256.contains([UInt8](SHA256.hash(data: blob))) { return true }
        return !sha1.isEmpty && sha1.contains([UInt8](Insecure.SHA1.hash(data: blob)))
    }

    /// Whether a certificate is revoked by itself, by its key or by its authority.
    package func revokes(_ certificate: OpenSSHCertificate) -> Bool {
        if revokes(certificate.publicKey.blob) || revokes(certificate.signatureKey.blob) {
            return true
        }
        return [certificate.signatureKey.blob, []].contains { authority in
            certificates[authority]?.contain(certificate) ?? false
        }
    }
}

/// The revoked certificates of one authority.
struct RevokedCertificates: Sendable {
    var serials: Set<UInt64> = []
    var ranges: [ClosedRange<UInt64>] = []
    var bitmaps: [SerialBitmap] = []
    var keyIDs: Set<[UInt8]> = []

    /// The serial number 0 means that the authority gave none, and revokes nothing.
    func contain(_ certificate: OpenSSHCertificate) -> Bool {
        if keyIDs.contains(Array(certificate.keyID.utf8)) { return true }
        let serial = certificate.serial
        guard serial != 0 else { return false }
        return serials.contains(serial) || ranges.contains { $0.contains(serial) }
            || bitmaps.contains { $0.contains(serial) }
    }
}

/// Serial numbers near each other: bit n of a big-endian number stands for `offset + n`.
struct SerialBitmap: Sendable {
    let offset: UInt64
    /// Without leading zeros.
    let bits: [UInt8]

    func contains(_ serial: UInt64) -> Bool {
        guard serial >= offset else { return false }
        let position = serial - offset
        guard position < UInt64(bits.count) * 8 else { return false }
        return bits[bits.count - 1 - Int(position / 8)] >> UInt8(position % 8) & 1 == 1
    }
}
