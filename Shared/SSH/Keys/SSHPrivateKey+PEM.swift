import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1

/// Reading key files (RFC 7468): OpenSSH's own format, PKCS#8, PKCS#1 and SEC 1.
extension SSHPrivateKey {
    /// Reads the first private key of a PEM text. Passphrases are not supported.
    package init(pem text: String) throws(KeyError) {
        let pem = try PEM(text)
        switch pem.label {
        case "OPENSSH PRIVATE KEY": self = try OpenSSHKeyFile.read(pem.bytes)
        case "ENCRYPTED PRIVATE KEY": throw .encrypted
        case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
            try self.init(try Self.material(pem))
        default: throw .unsupportedType(pem.label)
        }
    }

    /// The formats are tried one after the other: each of them says in itself whether it is the
    /// right one, and a wrong one fails at its first bytes.
    private static func material(_ pem: PEM) throws(KeyError) -> Material {
        if pem.label != "RSA PRIVATE KEY" {
            if let seed = ed25519Seed(pem.bytes),
                let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
            {
                return .ed25519(key)
            }
            if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem.text) {
                return .ecdsa256(key)
            }
            if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem.text) {
                return .ecdsa384(key)
            }
            if let key = try? P521.Signing.PrivateKey(pemRepresentation: pem.text) {
                return .ecdsa521(key)
            }
        }
        guard let key = try? _RSA.Signing.PrivateKey(derRepresentation: pem.bytes) else {
            throw isDSA(pem.bytes) ? .unsupportedType("ssh-dss") : .malformed
        }
        guard (2048...16384).contains(key.keySizeInBits) else {
            throw .badRSASize(key.keySizeInBits)
        }
        return .rsa(key)
    }

    /// Whether it is a PKCS#8 key of the algorithm 1.2.840.10040.4.1 (RFC 3279 §2.3.2).
    private static func isDSA(_ bytes: [UInt8]) -> Bool {
        // Anything that does not parse is no key at all.
        let algorithm = try? DER.sequence(try DER.parse(bytes), identifier: .sequence) { nodes in
            _ = try Int(derEncoded: &nodes)
            guard let second = nodes.next() else { throw KeyError.malformed }
            let name = try DER.sequence(second, identifier: .sequence) { parts in
                let name = try ASN1ObjectIdentifier(derEncoded: &parts)
                while parts.next() != nil {}
                return name
            }
            while nodes.next() != nil {}
            return name
        }
        return algorithm == [1, 2, 840, 10040, 4, 1]
    }

    /// The seed in a PKCS#8 key of the algorithm 1.3.101.112 (RFC 8410 §7).
    private static func ed25519Seed(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        // Anything that does not parse is a key of another kind.
        try? DER.sequence(try DER.parse(bytes), identifier: .sequence) { nodes in
            _ = try Int(derEncoded: &nodes)
            guard let second = nodes.next() else { throw KeyError.malformed }
            let algorithm = try DER.sequence(second, identifier: .sequence) {
                try ASN1ObjectIdentifier(derEncoded: &$0)
            }
            let key = try ASN1OctetString(derEncoded: &nodes)
            while nodes.next() != nil {}
            guard algorithm == [1, 3, 101, 112] else { throw KeyError.wrongAlgorithm }
            return try ASN1OctetString(derEncoded: key.bytes).bytes
        }
    }
}
