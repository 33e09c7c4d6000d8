import Crypto
import CryptoExtras
import NIOCore

/// A public key in the form of RFC 4253 §6.6, parsed and checked.
package struct SSHPublicKey: Sendable {
    package let type: SSHKeyType
    /// The key in wire form.
    package let blob: [UInt8]
    let material: Material

    enum Material: Sendable {
        case ed25519(Curve25519.Signing.PublicKey)
        case ecdsa256(P256.Signing.PublicKey)
        case ecdsa384(P384.Signing.PublicKey)
        case ecdsa521(P521.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
        /// With the application it was made for, `ssh:` as a rule (OpenSSH's PROTOCOL.u2f).
        case securityKeyEd25519(Curve25519.Signing.PublicKey, application: [UInt8])
        case securityKeyECDSA256(P256.Signing.PublicKey, application: [UInt8])
    }

    /// The most bytes a key may have: RSA of 16384 bits with room to spare.
    static let maximumLength = 4096

    /// Parses a key in wire form; every byte must belong to it.
    package init(blob: [UInt8]) throws(KeyError) {
        guard blob.count <= Self.maximumLength else { throw .malformed }
        var buffer = ByteBuffer(bytes: blob)
        let (type, material) = try Self.parse(&buffer)
        self.type = type
        self.material = material
        self.blob = blob
    }

    init(type: SSHKeyType, blob: [UInt8], material: Material) {
        self.type = type
        self.blob = blob
        self.material = material
    }

    /// `SHA256:` and the unpadded base64 of the hash, as `ssh-keygen -l` prints it.
    package var fingerprint: String {
        Self.fingerprint(of: blob)
    }

    /// The fingerprint of any key in wire form, also of types that cannot be used.
    package static func fingerprint(of blob: [UInt8]) -> String {
        "SHA256:" + Base64.encode(SHA256.hash(data: blob)).prefix { $0 != "=" }
    }

    /// Type and base64, as in `authorized_keys`, without a comment.
    package var authorizedKeysLine: String {
        "\(type.rawValue) \(Base64.encode(blob))"
    }

    /// The modulus' size; `nil` for keys that are not RSA.
    package var rsaBits: Int? {
        guard case .rsa(let key) = material else { return nil }
        return key.keySizeInBits
    }
}

extension SSHPublicKey: Hashable {
    package static func == (left: Self, right: Self) -> Bool { left.blob == right.blob }

    package func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}
