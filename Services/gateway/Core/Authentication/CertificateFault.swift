package import SharedMessages

/// Why a certificate is not good for a login.
package enum CertificateFault: Error, Sendable, Hashable {
    case notOfUser
    case notYetValid
    case expired
    case badSignature
    /// A critical option that is not known here, or whose value does not parse.
    case unknownOption(String)
    case malformedOption(String)
    case untrustedAuthority
    case revoked
    case noPrincipals
    case otherPrincipals
    case otherAddress

    /// What the refusal is logged and counted under.
    package var code: MessageCode {
        switch self {
        case .notOfUser, .notYetValid, .expired, .badSignature, .unknownOption, .malformedOption:
            .sshAuthCertInvalid
        case .untrustedAuthority, .revoked, .otherPrincipals, .otherAddress:
            .sshAuthCertRejected
        case .noPrincipals: .sshAuthCertNoPrincipals
        }
    }
}

extension CertificateFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notOfUser: "not a user certificate"
        case .notYetValid: "not valid yet"
        case .expired: "expired"
        case .badSignature: "the authority's signature does not verify"
        case .unknownOption(let name): "unknown critical option \(name)"
        case .malformedOption(let name): "malformed critical option \(name)"
        case .untrustedAuthority: "the authority is not trusted"
        case .revoked: "revoked"
        case .noPrincipals: "no principals"
        case .otherPrincipals: "not for this user name"
        case .otherAddress: "not from this address"
        }
    }
}
