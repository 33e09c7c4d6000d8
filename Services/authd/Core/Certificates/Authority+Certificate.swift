import AuthClient
import SharedModels
import SharedSSH

extension Authority {
    /// How far the clocks of the gateway and of this machine may differ, in seconds.
    private static let clockSkew: UInt64 = 120

    /// Decides about a certificate. Everything is read from the certificate itself, and checked
    /// again although the gateway has done so.
    func check(_ question: CertificateQuestion, _ typed: String) async throws -> Verdict {
        guard let certificate = try? OpenSSHCertificate(line: question.certificate),
            certificate.kind == .user, !certificate.principals.isEmpty
        else { return .refused(.unusableCertificate) }
        let now = now
        guard
            let authority = try await store.authority(withKey: certificate.signatureKey.blob),
            authority.kind == .user, authority.isTrusted(at: now)
        else { return .refused(.untrustedAuthority) }
        let time = UInt64(max(0, now))
        guard time + Self.clockSkew >= certificate.validAfter,
            time < certificate.validBefore || time - certificate.validBefore < Self.clockSkew,
            certificate.isSignatureValid
        else { return .refused(.unusableCertificate) }
        guard try await !store.isRevoked(certificate) else { return .refused(.revoked) }
        guard let account = try await holder(of: certificate, authority, typed) else {
            return .refused(.otherPrincipals)
        }
        if let reason = account.closed { return .refused(reason) }
        return .accepted(account)
    }

    /// Whose certificate it is: whom it was signed for here, or the user whom another authority
    /// names. They must be allowed to log in under the name that was typed.
    private func holder(
        of certificate: OpenSSHCertificate,
        _ authority: StoredAuthority,
        _ typed: String
    ) async throws -> Account? {
        var names = certificate.principals.filter(authority.mayCertify)
        if authority.privateKey != nil {
            let issued = try await store.issued(
                certificate.serial,
                by: certificate.signatureKey.blob
            )
            guard let issued, issued.kind == .user else { return nil }
            names = [issued.subject]
        }
        // The user of that very name comes first.
        for name in names.sorted(by: { $0 == typed && $1 != typed }) {
            if let account = try await store.account(named: name), account.mayLogIn(as: typed) {
                return account
            }
        }
        return nil
    }
}
