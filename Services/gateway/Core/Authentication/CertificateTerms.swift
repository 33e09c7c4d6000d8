import SharedConfig
import SharedSSH

/// What a user certificate says about how it may be used (OpenSSH's PROTOCOL.certkeys), and what
/// it was found to prove.
struct CertificateTerms: Sendable, Hashable {
    var limits: CredentialLimits
    /// The networks it may be used from; `nil` for any.
    var sourceNetworks: [IPNetwork]?
    /// Signatures count only if the security key knew the person.
    var requiresVerification = false
    /// Signatures count also if nobody touched the security key.
    var allowsNoTouch = false
    /// The principal that fitted the login name; the login name for a certificate without any.
    var identity = ""

    /// Reads critical options, all of which must be known, and extensions, of which the unknown
    /// do not matter.
    init(_ certificate: OpenSSHCertificate) throws(CertificateFault) {
        limits = CredentialLimits()
        for option in certificate.criticalOptions { try apply(critical: option) }
        for option in certificate.extensions { apply(extension: option.name) }
    }

    private mutating func apply(
        critical option: OpenSSHCertificate.Option
    ) throws(CertificateFault) {
        switch option.name {
        case "force-command": limits.forcedCommand = try text(option)
        case "source-address":
            let networks = try text(option).split(separator: ",").map { IPNetwork($0) }
            guard !networks.isEmpty, !networks.contains(nil) else {
                throw .malformedOption(option.name)
            }
            sourceNetworks = networks.compactMap(\.self)
        case "verify-required":
            guard option.data.isEmpty else { throw .malformedOption(option.name) }
            requiresVerification = true
        default: throw .unknownOption(option.name)
        }
    }

    private mutating func apply(extension name: String) {
        switch name {
        case "permit-pty": limits.permitsPTY = true
        case "permit-port-forwarding": limits.permitsPortForwarding = true
        case "permit-agent-forwarding": limits.permitsAgentForwarding = true
        case "permit-X11-forwarding": limits.permitsX11Forwarding = true
        case "permit-user-rc": limits.permitsUserRC = true
        case "no-touch-required": allowsNoTouch = true
        default: break
        }
    }

    /// The value of an option that has one: a string within the string.
    private func text(_ option: OpenSSHCertificate.Option) throws(CertificateFault) -> String {
        guard let text = option.text, !text.isEmpty, !text.utf8.contains(0) else {
            throw .malformedOption(option.name)
        }
        return text
    }
}
