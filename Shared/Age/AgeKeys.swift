import Crypto
import FoundationEssentials

/// Somebody's public key, for whom files are encrypted: `age1…`.
package struct AgeRecipient: Sendable, Hashable, CustomStringConvertible {
    static let prefix = "age"

    let bytes: [UInt8]

    package init(_ text: String) throws(AgeError) {
        guard text == text.lowercased(), let (prefix, bytes) = Bech32.decode(text),
            prefix == Self.prefix, bytes.count == 32
        else { throw .malformedKey }
        self.bytes = bytes
    }

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { Bech32.encode(Self.prefix, bytes) }
}

/// A private key, with which files are read: `AGE-SECRET-KEY-1…`.
package struct AgeIdentity: Sendable {
    private static let prefix = "age-secret-key-"

    let key: Curve25519.KeyAgreement.PrivateKey

    package init() { key = Curve25519.KeyAgreement.PrivateKey() }

    package init(_ text: String) throws(AgeError) {
        guard text == text.uppercased(), let (prefix, bytes) = Bech32.decode(text),
            prefix == Self.prefix,
            let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes)
        else { throw .malformedKey }
        self.key = key
    }

    /// The keys of a file as `age-keygen` writes it: one on each line, `#` begins a comment.
    package static func all(in text: String) throws(AgeError) -> [AgeIdentity] {
        var identities: [AgeIdentity] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let word = line.drop(while: \.isWhitespace)
            guard !word.isEmpty, !word.hasPrefix("#") else { continue }
            let end = word.lastIndex { !$0.isWhitespace } ?? word.startIndex
            identities.append(try AgeIdentity(String(word[...end])))
        }
        guard !identities.isEmpty else { throw .malformedKey }
        return identities
    }

    package var recipient: AgeRecipient {
        AgeRecipient(bytes: Array(key.publicKey.rawRepresentation))
    }

    /// As in a file of `age-keygen`.
    package var secretText: String {
        Bech32.encode(Self.prefix, Array(key.rawRepresentation)).uppercased()
    }
}
