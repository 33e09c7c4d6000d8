import Crypto
import CryptoExtras
import NIOCore

/// How a server proves who it is in a key exchange: the names in KEXINIT's list of host keys.
package struct HostKeyAlgorithm: RawRepresentable, Sendable, Hashable {
    package let rawValue: String
    /// `nil` for RSA with SHA-1.
    let signature: SSHSignatureAlgorithm?
    /// The type of the key, or of the key inside the certificate.
    package let keyType: SSHKeyType
    /// Whether the server sends a certificate for its key (OpenSSH's PROTOCOL.certkeys).
    package let isCertificate: Bool

    package static let ed25519 = Self(.ed25519)
    package static let ecdsa256 = Self(.ecdsa256)
    package static let rsaSHA512 = Self(.rsaSHA512)
    package static let rsaSHA256 = Self(.rsaSHA256)
    /// RFC 4253 §6.6; for clients that know nothing else.
    package static let rsaSHA1 = Self(
        rawValue: "ssh-rsa",
        signature: nil,
        keyType: .rsa,
        isCertificate: false
    )

    /// Certificates first: a client that trusts their authority then needs to know no key.
    package static let defaults: [Self] =
        SSHSignatureAlgorithm.ofHostKeys.map { Self($0, isCertificate: true) }
        + SSHSignatureAlgorithm.ofHostKeys.map { Self($0) }

    package static let all = defaults + [rsaSHA1]

    package init?(rawValue: String) {
        guard let known = Self.byName[rawValue] else { return nil }
        self = known
    }

    private init(_ signature: SSHSignatureAlgorithm, isCertificate: Bool = false) {
        let name = signature.rawValue
        self.init(
            rawValue: isCertificate ? SSHKeyType.certificateName(name) : name,
            signature: signature,
            keyType: signature.keyType,
            isCertificate: isCertificate
        )
    }

    private init(
        rawValue: String,
        signature: SSHSignatureAlgorithm?,
        keyType: SSHKeyType,
        isCertificate: Bool
    ) {
        self.rawValue = rawValue
        self.signature = signature
        self.keyType = keyType
        self.isCertificate = isCertificate
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.rawValue, $0) })
}

extension SSHPrivateKey {
    /// The signature over an exchange hash, in wire form.
    func signature(
        over hash: [UInt8],
        algorithm: HostKeyAlgorithm
    ) throws(KeyError) -> [UInt8] {
        if let modern = algorithm.signature { return try signature(over: hash, algorithm: modern) }
        guard case .rsa(let key) = material else { throw .wrongAlgorithm }
        let digest = Insecure.SHA1.hash(data: hash)
        guard let raw = try? key.signature(for: digest, padding: .insecurePKCS1v1_5) else {
            throw .cryptographyFailed
        }
        var buffer = ByteBuffer()
        buffer.writeSSHString(algorithm.rawValue)
        buffer.writeSSHString([UInt8](raw.rawRepresentation))
        return [UInt8](buffer.readableBytesView)
    }
}
