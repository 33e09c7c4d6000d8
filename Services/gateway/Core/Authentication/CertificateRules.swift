import Foundation
package import SharedConfig
package import SharedSSH

/// Whom the gateway trusts to certify users, and what it demands of a certificate.
package struct CertificateRules: Sendable {
    /// Whether the gateway decides by `trusted`; otherwise a webhook is asked, and only what holds
    /// for every certificate is checked here.
    package let isAuthority: Bool
    private let trusted: Set<[UInt8]>
    private let principals: [String: [String]]
    private let requiresPrincipals: Bool
    private let clockSkew: UInt64
    private let minimumRSABits: Int
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - config: the `auth.certificates` section; its mode is not off.
    ///   - authorities: the keys of its `trustedCAs`.
    ///   - minimumRSABits: of certified keys and of authorities.
    ///   - now: seconds since 1970.
    package init(
        _ config: CertificateAuthConfig,
        authorities: [SSHPublicKey],
        minimumRSABits: Int = 2048,
        now: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) }
    ) {
        isAuthority = config.mode == .gateway
        trusted = Set(authorities.map(\.blob))
        principals = config.principals
        requiresPrincipals = config.requirePrincipals
        clockSkew = UInt64(max(0, config.clockSkew.components.seconds))
        self.minimumRSABits = minimumRSABits
        self.now = now
    }

    /// Checks a certificate for a login; that the client holds the certified key is not checked
    /// here. The cheap checks come first, the authority's signature last.
    func check(
        _ certificate: OpenSSHCertificate,
        username: String,
        clientAddress: String,
        revoked: KeyRevocationList?
    ) throws(CertificateFault) -> CertificateTerms {
        guard certificate.kind == .user else { throw .notOfUser }
        if isAuthority, !isTrusted(certificate.signatureKey) { throw .untrustedAuthority }
        try checkPeriod(certificate)
        var terms = try CertificateTerms(certificate)
        if isAuthority { terms.identity = try principal(of: certificate, for: username) }
        if let networks = terms.sourceNetworks {
            guard let client = IPAddress(clientAddress),
                networks.contains(where: { $0.contains(client) })
            else { throw .otherAddress }
        }
        if let revoked, revoked.revokes(certificate) { throw .revoked }
        guard certificate.isSignatureValid else { throw .badSignature }
        return terms
    }

    private func isTrusted(_ authority: SSHPublicKey) -> Bool {
        trusted.contains(authority.blob) && (authority.rsaBits ?? .max) >= minimumRSABits
    }

    /// From `validAfter` on, before `validBefore`.
    private func checkPeriod(_ certificate: OpenSSHCertificate) throws(CertificateFault) {
        let now = now()
        guard now + clockSkew >= certificate.validAfter else { throw .notYetValid }
        guard now < certificate.validBefore || now - certificate.validBefore < clockSkew else {
            throw .expired
        }
    }

    private func principal(
        of certificate: OpenSSHCertificate,
        for username: String
    ) throws(CertificateFault) -> String {
        guard !certificate.principals.isEmpty else {
            guard !requiresPrincipals else { throw .noPrincipals }
            return username
        }
        let wanted = principals[username] ?? [username]
        guard let fitting = certificate.principals.first(where: wanted.contains) else {
            throw .otherPrincipals
        }
        return fitting
    }
}
