/// A public key algorithm by the name that `publickey` requests and `server-sig-algs` use: a
/// signature algorithm, with a plain key or with a certificate.
package struct UserKeyAlgorithm: Sendable, Hashable {
    /// For example `rsa-sha2-512` or `rsa-sha2-512-cert-v01@openssh.com`.
    package let name: String
    /// What the signature itself names.
    package let signature: SSHSignatureAlgorithm
    package let isCertificate: Bool

    /// Every algorithm with a plain key, the most wanted first.
    package static let plain = SSHSignatureAlgorithm.allCases.map {
        Self(name: $0.rawValue, signature: $0, isCertificate: false)
    }

    /// The same with a certificate (OpenSSH's PROTOCOL.certkeys).
    package static let certificates = SSHSignatureAlgorithm.allCases.map {
        Self(
            name: SSHKeyType.certificateName($0.rawValue),
            signature: $0,
            isCertificate: true
        )
    }

    /// The algorithm of this name; `nil` for names that nobody speaks.
    package init?(named name: String) {
        guard let known = Self.byName[name] else { return nil }
        self = known
    }

    private init(name: String, signature: SSHSignatureAlgorithm, isCertificate: Bool) {
        self.name = name
        self.signature = signature
        self.isCertificate = isCertificate
    }

    /// The type that the offered blob names.
    package var blobType: String {
        isCertificate ? signature.keyType.certificateName : signature.keyType.rawValue
    }

    private static let byName = Dictionary(
        uniqueKeysWithValues: (plain + certificates).map { ($0.name, $0) }
    )
}
