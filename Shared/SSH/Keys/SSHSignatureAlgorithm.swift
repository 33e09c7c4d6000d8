/// The signature algorithms of host keys and user keys, by their names on the wire.
package enum SSHSignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// RFC 8709.
    case ed25519 = "ssh-ed25519"
    /// RFC 5656 §3.
    case ecdsa256 = "ecdsa-sha2-nistp256"
    case ecdsa384 = "ecdsa-sha2-nistp384"
    case ecdsa521 = "ecdsa-sha2-nistp521"
    /// Keys inside a FIDO authenticator (OpenSSH's PROTOCOL.u2f).
    case securityKeyEd25519 = "sk-ssh-ed25519@openssh.com"
    case securityKeyECDSA256 = "sk-ecdsa-sha2-nistp256@openssh.com"
    /// RFC 8332; the key's own type is `ssh-rsa`.
    case rsaSHA512 = "rsa-sha2-512"
    case rsaSHA256 = "rsa-sha2-256"

    /// Those that host keys sign with: an authenticator that wants to be touched is no host key.
    package static let ofHostKeys = allCases.filter { !$0.keyType.isSecurityKey }

    /// The type of the keys this algorithm works with.
    package var keyType: SSHKeyType {
        switch self {
        case .ed25519: .ed25519
        case .ecdsa256: .ecdsa256
        case .ecdsa384: .ecdsa384
        case .ecdsa521: .ecdsa521
        case .securityKeyEd25519: .securityKeyEd25519
        case .securityKeyECDSA256: .securityKeyECDSA256
        case .rsaSHA512, .rsaSHA256: .rsa
        }
    }
}

/// The key types that can be used; their names are the first string of a key in wire form.
package enum SSHKeyType: String, Sendable, Hashable, CaseIterable {
    case ed25519 = "ssh-ed25519"
    case ecdsa256 = "ecdsa-sha2-nistp256"
    case ecdsa384 = "ecdsa-sha2-nistp384"
    case ecdsa521 = "ecdsa-sha2-nistp521"
    case securityKeyEd25519 = "sk-ssh-ed25519@openssh.com"
    case securityKeyECDSA256 = "sk-ecdsa-sha2-nistp256@openssh.com"
    case rsa = "ssh-rsa"

    /// The algorithms a key of this type signs with, the strongest first.
    package var signatureAlgorithms: [SSHSignatureAlgorithm] {
        SSHSignatureAlgorithm.allCases.filter { $0.keyType == self }
    }

    /// Whether the private half lives in a FIDO authenticator.
    package var isSecurityKey: Bool {
        self == .securityKeyEd25519 || self == .securityKeyECDSA256
    }

    /// The type name of a certificate for such a key (OpenSSH's PROTOCOL.certkeys).
    package var certificateName: String { Self.certificateName(rawValue) }

    /// `name` with the suffix of certificates, before the domain where it has one.
    static func certificateName(_ name: String) -> String {
        let domain = "@openssh.com"
        let stem = name.hasSuffix(domain) ? String(name.dropLast(domain.count)) : name
        return stem + "-cert-v01" + domain
    }

    /// `nistp256` and so on, as it stands inside an ECDSA key (RFC 5656 §6.1).
    var curveName: String? {
        switch self {
        case .ecdsa256, .securityKeyECDSA256: "nistp256"
        case .ecdsa384: "nistp384"
        case .ecdsa521: "nistp521"
        case .ed25519, .securityKeyEd25519, .rsa: nil
        }
    }
}
