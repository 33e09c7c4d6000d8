import AuthClient
import GRDB
import SharedConfig
import SharedMessages
import SharedSSH

/// A certificate authority as the database has it.
struct StoredAuthority: Sendable {
    var name: String
    var kind: AuthorityKind
    var key: SSHPublicKey
    /// As an OpenSSH key file; `nil` for an authority of others.
    var privateKey: String?
    /// Names or patterns that it may certify; empty for all.
    var principals: [String]
    /// Seconds since 1970.
    var createdAt: Int
    var trustedUntil: Int?

    func isTrusted(at now: Int) -> Bool { trustedUntil.map { now < $0 } ?? true }

    /// Whether it may say that somebody is `principal`.
    func mayCertify(_ principal: String) -> Bool {
        principals.isEmpty || TextPatternList(principals).allows(principal)
    }

    /// What signs new certificates: the key that was made here, as long as it was not replaced.
    func signer() throws(CodedError) -> SSHPrivateKey? {
        guard let privateKey, trustedUntil == nil else { return nil }
        do {
            return try SSHPrivateKey(pem: privateKey)
        } catch {
            throw CodedError(.authdDatabaseFailed, detail: "key of authority \(name)")
        }
    }

    var record: AuthorityRecord {
        AuthorityRecord(
            name: name,
            kind: kind,
            publicKey: key.authorizedKeysLine,
            fingerprint: key.fingerprint,
            signs: privateKey != nil && trustedUntil == nil,
            principals: principals,
            created: UserDate.text(createdAt),
            trustedUntil: trustedUntil.map(UserDate.text)
        )
    }
}

/// A certificate that was signed here.
struct IssuedCertificate: Sendable {
    var serial: UInt64
    var authority: SSHPublicKey
    var kind: AuthorityKind
    var subject: String
    var principals: [String]
    var fingerprint: String
    var issuedAt: Int
    var expiresAt: Int
    var isRevoked = false

    var record: CertificateRecord {
        CertificateRecord(
            serial: "\(serial)",
            kind: kind,
            subject: subject,
            principals: principals,
            fingerprint: fingerprint,
            authority: authority.fingerprint,
            issued: UserDate.text(issuedAt),
            expires: UserDate.text(expiresAt),
            revoked: isRevoked
        )
    }
}
