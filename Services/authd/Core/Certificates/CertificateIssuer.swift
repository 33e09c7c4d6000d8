import AuthClient
import Foundation
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH

/// Keeps the certificate authorities, and signs what the policy allows.
///
/// Throws `CodedError`s whose codes tell the caller what is wrong (`AUTHD_…`).
package struct CertificateIssuer: Sendable {
    let store: UserStore
    private let config: AuthdCertificatesConfig
    private let logger: Logger

    package init(store: UserStore, config: AuthdCertificatesConfig, logger: Logger) {
        self.store = store
        self.config = config
        self.logger = logger
    }

    // MARK: - Authorities

    func authorities() async throws -> [AuthorityRecord] {
        try await store.authorities().map(\.record)
    }

    /// Makes an authority's key, or trusts one of others.
    func add(_ authority: NewAuthority) async throws -> AuthorityRecord {
        guard UserRoutes.isValidName(authority.name) else { throw CodedError(.authdNameInvalid) }
        let principals = authority.principals ?? []
        guard principals.allSatisfy(UserRoutes.isValidLoginName), principals.count <= 256 else {
            throw CodedError(.authdAuthorityInvalid, detail: "principals")
        }
        var stored: StoredAuthority
        if let line = authority.publicKey {
            guard let key = (try? AuthorizedKey.parse(line))?.key, !key.type.isSecurityKey else {
                throw CodedError(.authdAuthorityInvalid, detail: "public key")
            }
            stored = fresh(authority.name, authority.kind, key)
        } else {
            stored = try made(authority.name, authority.kind)
        }
        stored.principals = principals
        try await store.add(stored)
        note(stored, authority.publicKey == nil ? "made" : "trusted")
        return stored.record
    }

    /// Signs with a new key from now on. The old one stays trusted, under the name with the time
    /// behind it, for as long as a certificate of it may be good.
    func rotate(_ name: String) async throws -> AuthorityRecord {
        guard let old = try await store.authority(named: name) else {
            throw CodedError(.authdAuthorityUnknown)
        }
        var stored = try made(name, old.kind)
        stored.principals = old.principals
        let lifetime = old.kind == .user ? config.maximumLifetime : config.hostLifetime
        try await store.replace(
            with: stored,
            keepingAs: "\(name.prefix(40))-\(stored.createdAt)-\(UInt16.random(in: 0 ... .max))",
            trustedUntil: stored.createdAt + Int(lifetime.components.seconds)
        )
        note(stored, "rotated")
        return stored.record
    }

    func remove(_ name: String) async throws {
        guard let old = try await store.authority(named: name) else {
            throw CodedError(.authdAuthorityUnknown)
        }
        try await store.removeAuthority(name)
        note(old, "removed")
    }

    private func made(_ name: String, _ kind: AuthorityKind) throws -> StoredAuthority {
        let key = try SSHPrivateKey.generateEd25519(comment: name)
        var stored = fresh(name, kind, key.publicKey)
        stored.privateKey = try key.fileText()
        return stored
    }

    private func fresh(
        _ name: String,
        _ kind: AuthorityKind,
        _ key: SSHPublicKey
    ) -> StoredAuthority {
        StoredAuthority(name: name, kind: kind, key: key, principals: [], createdAt: now)
    }

    private func note(_ authority: StoredAuthority, _ change: String) {
        logger.emit(
            .authdAuthorityChanged,
            [
                "authority": .string(authority.name), "change": .string(change),
                "fingerprint": .string(authority.key.fingerprint),
            ]
        )
    }

    // MARK: - Signing

    /// A certificate for a user who has just proved who they are.
    ///
    /// Names the user's own name and login names as principals, patterns excepted, and ends with
    /// the account at the latest. `address` is where the request came from; `nil` for a socket of
    /// this machine.
    func certify(
        _ account: Account,
        key line: String,
        lifetime: Int?,
        address: String?
    ) async throws -> MadeCertificate {
        let names = [account.name] + account.loginNames + account.groupLoginNames
        var seen: Set<String> = []
        let principals = names.filter { !$0.hasPrefix("glob:") && seen.insert($0).inserted }
        var end = now + (try userLifetime(account, lifetime))
        if let expiry = account.expiresAt { end = min(end, expiry) }
        var options: [OpenSSHCertificate.Option] = []
        if config.bindAddress, let address {
            options.append(.init(name: "source-address", text: address))
        }
        return try await sign(
            .user,
            subject: account.name,
            principals: Array(principals.prefix(256)),
            key: line,
            until: end,
            options: options,
            extensions: config.extensions.map { .init(name: $0) }
        )
    }

    /// As after a login of theirs, on an administrator's word.
    ///
    /// Throws a `CodedError`: `AUTHD_USER_UNKNOWN`, `AUTHD_CERTIFICATE_INVALID` also for an account
    /// that is closed, `AUTHD_AUTHORITY_UNKNOWN`.
    func certifyUser(_ user: NewUserCertificate) async throws -> MadeCertificate {
        guard let account = try await store.account(named: user.user) else {
            throw CodedError(.authdUserUnknown)
        }
        if let reason = account.closed {
            throw CodedError(.authdCertificateInvalid, detail: reason.rawValue)
        }
        return try await certify(
            account,
            key: user.publicKey,
            lifetime: user.lifetimeSeconds,
            // Whoever asks is not who will log in.
            address: nil
        )
    }

    func certifyHost(_ host: NewHostCertificate) async throws -> MadeCertificate {
        guard (1...256).contains(host.names.count), host.names.allSatisfy(Self.isHostName) else {
            throw CodedError(.authdCertificateInvalid, detail: "names of the host")
        }
        let longest = 10 * 366 * 86_400
        let lifetime = host.lifetimeSeconds ?? Int(config.hostLifetime.components.seconds)
        guard (60...longest).contains(lifetime) else {
            throw CodedError(.authdCertificateInvalid, detail: "lifetime")
        }
        return try await sign(
            .host,
            subject: host.names[0],
            principals: host.names,
            key: host.publicKey,
            until: now + lifetime,
            authority: host.authority
        )
    }

    private func userLifetime(_ account: Account, _ wanted: Int?) throws -> Int {
        let ofGroups = account.groups.compactMap { config.groupLifetimes[$0] }.min()
        let longest = Int(
            min(ofGroups ?? .seconds(Int.max), config.maximumLifetime).components.seconds
        )
        guard let wanted else {
            return min(Int(config.lifetime.components.seconds), longest)
        }
        guard (60...longest).contains(wanted) else {
            throw CodedError(.authdCertificateInvalid, detail: "lifetime must be 60...\(longest) s")
        }
        return wanted
    }

    private func sign(
        _ kind: AuthorityKind,
        subject: String,
        principals: [String],
        key line: String,
        until end: Int,
        options: [OpenSSHCertificate.Option] = [],
        extensions: [OpenSSHCertificate.Option] = [],
        authority: String? = nil
    ) async throws -> MadeCertificate {
        guard let key = (try? AuthorizedKey.parse(line))?.key else {
            throw CodedError(.authdCertificateInvalid, detail: "public key")
        }
        let signer = try await signer(kind, authority)
        let issued = IssuedCertificate(
            serial: UInt64.random(in: 1...UInt64(Int64.max)),
            authority: signer.publicKey,
            kind: kind,
            subject: subject,
            principals: principals,
            fingerprint: key.fingerprint,
            issuedAt: now,
            expiresAt: end
        )
        let certificate: OpenSSHCertificate
        do {
            let terms = OpenSSHCertificate.Terms(
                kind: kind == .user ? .user : .host,
                serial: issued.serial,
                keyID: subject,
                principals: principals,
                // Clocks of servers may be slow.
                validAfter: UInt64(max(0, now - 60)),
                validBefore: UInt64(max(0, end)),
                criticalOptions: options,
                extensions: extensions
            )
            certificate = try OpenSSHCertificate(terms, for: key, signedBy: signer)
        } catch {
            throw CodedError(.authdCertificateInvalid, detail: "\(error)")
        }
        try await store.note(issued)
        note(issued)
        return MadeCertificate(
            certificate: certificate.line,
            serial: "\(issued.serial)",
            expires: UserDate.text(end),
            principals: principals,
            authority: signer.publicKey.authorizedKeysLine
        )
    }

    private func note(_ issued: IssuedCertificate) {
        logger.emit(
            .authdCertificateIssued,
            [
                "subject": .string(issued.subject), "kind": .string(issued.kind.rawValue),
                "serial": "\(issued.serial)", "fingerprint": .string(issued.fingerprint),
                "expires": .string(UserDate.text(issued.expiresAt)),
            ]
        )
    }

    /// The authority of that name, or the first that signs for this kind.
    private func signer(_ kind: AuthorityKind, _ name: String?) async throws -> SSHPrivateKey {
        for authority in try await store.authorities() where authority.kind == kind {
            guard name == nil || name == authority.name else { continue }
            if let signer = try authority.signer() { return signer }
        }
        throw CodedError(.authdAuthorityUnknown)
    }

    /// A host name, an address, or a pattern with `*` and `?` (sshd(8), SSH_KNOWN_HOSTS).
    private static func isHostName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count)
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2C }
    }

    // MARK: - Certificates and revocations

    func certificates(of subject: String?, limit: Int) async throws -> [CertificateRecord] {
        try await store.certificates(of: subject, limit: limit).map(\.record)
    }

    /// Throws `AUTHD_CERTIFICATE_INVALID` for a body with none or several keys, and for a serial
    /// number or user without certificates.
    func revoke(_ revocation: NewRevocation) async throws {
        let given = [
            revocation.serial, revocation.user, revocation.fingerprint, revocation.keyId,
        ].compactMap(\.self)
        guard given.count == 1, let value = given.first else {
            throw CodedError(.authdCertificateInvalid, detail: "name one thing to revoke")
        }
        var count = 1
        let kind: String
        if revocation.serial != nil {
            guard let serial = UInt64(value) else {
                throw CodedError(.authdCertificateInvalid, detail: "serial number")
            }
            (kind, count) = ("serial", try await store.revoke(serial: serial))
        } else if revocation.user != nil {
            (kind, count) = ("user", try await store.revoke(user: value))
        } else if revocation.fingerprint != nil {
            guard Fingerprint.digest(value) != nil else {
                throw CodedError(.authdCertificateInvalid, detail: "fingerprint")
            }
            kind = "key"
            try await store.revoke(kind, value)
        } else {
            guard (1...1024).contains(value.utf8.count) else {
                throw CodedError(.authdCertificateInvalid, detail: "key ID")
            }
            kind = "keyID"
            try await store.revoke(kind, value)
        }
        guard count > 0 else {
            throw CodedError(.authdCertificateInvalid, detail: "no such certificate")
        }
        logger.emit(
            .authdCertificateRevoked,
            [
                "by": .string(kind), "value": .string(value), "count": "\(count)",
            ]
        )
    }

    func revocationList() async throws -> [UInt8] {
        let now = now
        let entries = try await store.revocations(at: now)
        return entries.binary(number: UInt64(now), date: UInt64(now))
    }

    private var now: Int { Int(Date.now.timeIntervalSince1970) }
}
