import Crypto
import CryptoExtras
package import FoundationEssentials
import NIOCore

/// A private key that signs, as a host or as a client.
package struct SSHPrivateKey: Sendable {
    package let publicKey: SSHPublicKey
    /// The comment of an OpenSSH key file; empty otherwise.
    package var comment: String
    let material: Material

    enum Material: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case ecdsa256(P256.Signing.PrivateKey)
        case ecdsa384(P384.Signing.PrivateKey)
        case ecdsa521(P521.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)

        var publicMaterial: SSHPublicKey.Material {
            switch self {
            case .ed25519(let key): .ed25519(key.publicKey)
            case .ecdsa256(let key): .ecdsa256(key.publicKey)
            case .ecdsa384(let key): .ecdsa384(key.publicKey)
            case .ecdsa521(let key): .ecdsa521(key.publicKey)
            case .rsa(let key): .rsa(key.publicKey)
            }
        }
    }

    init(_ material: Material, comment: String = "") throws(KeyError) {
        self.material = material
        self.comment = comment
        publicKey = try SSHPublicKey(material.publicMaterial)
    }

    package static func generateEd25519(comment: String = "") throws(KeyError) -> Self {
        try Self(.ed25519(Curve25519.Signing.PrivateKey()), comment: comment)
    }

    package static func generateECDSA256(comment: String = "") throws(KeyError) -> Self {
        try Self(.ecdsa256(P256.Signing.PrivateKey()), comment: comment)
    }

    /// The signature over `data` in wire form: the algorithm's name and its signature.
    package func signature(
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) throws(KeyError) -> [UInt8] {
        guard algorithm.keyType == publicKey.type else { throw .wrongAlgorithm }
        var buffer = ByteBuffer()
        buffer.writeSSHString(algorithm.rawValue)
        do {
            buffer.writeSSHString(try rawSignature(over: data, algorithm: algorithm))
        } catch {
            throw .cryptographyFailed
        }
        return [UInt8](buffer.readableBytesView)
    }

    /// What an agent is given beside the certificate of an Ed25519 key (draft-ietf-sshm-ssh-agent
    /// §3.2.1): the public half, then both; `nil` for other keys.
    package var agentForm: [UInt8]? {
        guard case .ed25519(let key) = material else { return nil }
        let publicBytes = [UInt8](key.publicKey.rawRepresentation)
        var buffer = ByteBuffer()
        buffer.writeSSHString(publicBytes)
        buffer.writeSSHString([UInt8](key.rawRepresentation) + publicBytes)
        return [UInt8](buffer.readableBytesView)
    }

    private func rawSignature(
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) throws -> [UInt8] {
        switch material {
        case .ed25519(let key): [UInt8](try key.signature(for: data))
        case .ecdsa256(let key): Self.ecdsaWire(try key.signature(for: data).rawRepresentation)
        case .ecdsa384(let key): Self.ecdsaWire(try key.signature(for: data).rawRepresentation)
        case .ecdsa521(let key): Self.ecdsaWire(try key.signature(for: data).rawRepresentation)
        case .rsa(let key):
            if algorithm == .rsaSHA512 {
                [UInt8](
                    try key.signature(for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
                        .rawRepresentation
                )
            } else {
                [UInt8](
                    try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
                        .rawRepresentation
                )
            }
        }
    }

    private static func ecdsaWire(_ raw: Data) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeSSHMPInt(raw.prefix(raw.count / 2))
        buffer.writeSSHMPInt(raw.suffix(raw.count / 2))
        return [UInt8](buffer.readableBytesView)
    }
}
