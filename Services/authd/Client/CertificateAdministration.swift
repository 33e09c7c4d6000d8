import SharedHTTP

/// Where authd's certificate authorities are looked after: paths of the administration listener.
package enum AuthorityRoutes {
    package static let authorities = "/authorities"
    package static let certificates = "/certificates"
    package static let hostCertificates = "/certificates/host"
    package static let userCertificates = "/certificates/user"
    package static let revocations = "/revocations"
    /// The revocation list in OpenSSH's format.
    package static let list = "/revocations/krl"

    package static func authority(_ name: String) -> String { "\(authorities)/\(name)" }
    package static func rotation(_ name: String) -> String { "\(authority(name))/rotate" }
}

/// What an authority certifies.
package enum AuthorityKind: String, Codable, Sendable, Hashable, CaseIterable {
    case user
    case host
}

/// An authority as authd tells about it, without its private key.
package struct AuthorityRecord: Codable, Sendable, Hashable {
    package var name: String
    package var kind: AuthorityKind
    /// A line as in `authorized_keys`.
    package var publicKey: String
    package var fingerprint: String
    /// Whether authd signs with it; else it is only trusted.
    package var signs: Bool
    /// The principals it may certify, or patterns (`glob:…`); empty for all.
    package var principals: [String]
    package var created: String
    /// RFC 3339; absent for always.
    package var trustedUntil: String?

    package init(
        name: String,
        kind: AuthorityKind,
        publicKey: String,
        fingerprint: String,
        signs: Bool,
        principals: [String],
        created: String,
        trustedUntil: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.publicKey = publicKey
        self.fingerprint = fingerprint
        self.signs = signs
        self.principals = principals
        self.created = created
        self.trustedUntil = trustedUntil
    }
}

/// The body of `POST /authorities`: makes a key and signs with it, or trusts a key of others.
package struct NewAuthority: Codable, Sendable, Hashable {
    package var name: String
    package var kind: AuthorityKind
    /// To trust: the authority's public key. Absent to make one.
    package var publicKey: String?
    package var principals: [String]?

    package init(
        name: String,
        kind: AuthorityKind,
        publicKey: String? = nil,
        principals: [String]? = nil
    ) {
        self.name = name
        self.kind = kind
        self.publicKey = publicKey
        self.principals = principals
    }
}

/// A certificate that authd signed.
package struct CertificateRecord: Codable, Sendable, Hashable {
    /// Decimal digits: many readers of JSON lose some of a large number.
    package var serial: String
    package var kind: AuthorityKind
    /// The user, or the first name of the host.
    package var subject: String
    package var principals: [String]
    /// Of the certified key.
    package var fingerprint: String
    /// Of the authority.
    package var authority: String
    package var issued: String
    package var expires: String
    package var revoked: Bool

    package init(
        serial: String,
        kind: AuthorityKind,
        subject: String,
        principals: [String],
        fingerprint: String,
        authority: String,
        issued: String,
        expires: String,
        revoked: Bool
    ) {
        self.serial = serial
        self.kind = kind
        self.subject = subject
        self.principals = principals
        self.fingerprint = fingerprint
        self.authority = authority
        self.issued = issued
        self.expires = expires
        self.revoked = revoked
    }
}

/// The body of `POST /certificates/host`.
package struct NewHostCertificate: Codable, Sendable, Hashable {
    /// A line as in `authorized_keys`.
    package var publicKey: String
    /// The names and addresses by which clients call the host.
    package var names: [String]
    package var lifetimeSeconds: Int?
    /// The authority that signs; absent for the only one.
    package var authority: String?

    package init(
        publicKey: String,
        names: [String],
        lifetimeSeconds: Int? = nil,
        authority: String? = nil
    ) {
        self.publicKey = publicKey
        self.names = names
        self.lifetimeSeconds = lifetimeSeconds
        self.authority = authority
    }
}

/// The body of `POST /certificates/user`.
package struct NewUserCertificate: Codable, Sendable, Hashable {
    package var user: String
    /// A line as in `authorized_keys`.
    package var publicKey: String
    package var lifetimeSeconds: Int?

    package init(user: String, publicKey: String, lifetimeSeconds: Int? = nil) {
        self.user = user
        self.publicKey = publicKey
        self.lifetimeSeconds = lifetimeSeconds
    }
}

/// A certificate that has just been signed.
package struct MadeCertificate: Codable, Sendable, Hashable {
    /// A line as in a `-cert.pub` file.
    package var certificate: String
    package var serial: String
    /// RFC 3339.
    package var expires: String
    package var principals: [String]
    /// The authority's public key, as a line.
    package var authority: String

    package init(
        certificate: String,
        serial: String,
        expires: String,
        principals: [String],
        authority: String
    ) {
        self.certificate = certificate
        self.serial = serial
        self.expires = expires
        self.principals = principals
        self.authority = authority
    }
}

/// The body of `POST /revocations`; exactly one key.
package struct NewRevocation: Codable, Sendable, Hashable {
    /// Of one certificate that authd signed.
    package var serial: String?
    /// All of a user's certificates so far.
    package var user: String?
    /// Everything signed for this key, by its fingerprint `SHA256:…`.
    package var fingerprint: String?
    /// Everything with this key ID, whoever signed it.
    package var keyId: String?

    package init(
        serial: String? = nil,
        user: String? = nil,
        fingerprint: String? = nil,
        keyId: String? = nil
    ) {
        self.serial = serial
        self.user = user
        self.fingerprint = fingerprint
        self.keyId = keyId
    }
}

extension UserClient {
    package func authorities() async throws -> [AuthorityRecord] {
        try await call(HTTPCall(.get, AuthorityRoutes.authorities)).decode([AuthorityRecord].self)
    }

    package func addAuthority(_ authority: NewAuthority) async throws -> AuthorityRecord {
        try await call(.json(.post, AuthorityRoutes.authorities, authority))
            .decode(AuthorityRecord.self)
    }

    /// Makes a new key; the old one stays trusted for as long as certificates of it may be good.
    package func rotateAuthority(_ name: String) async throws -> AuthorityRecord {
        try await call(HTTPCall(.post, AuthorityRoutes.rotation(checked(name))))
            .decode(AuthorityRecord.self)
    }

    package func removeAuthority(_ name: String) async throws {
        _ = try await call(HTTPCall(.delete, AuthorityRoutes.authority(checked(name))))
    }

    /// The latest certificates, the newest first; at most 1000.
    package func certificates(of subject: String?, limit: Int) async throws -> [CertificateRecord] {
        var path = "\(AuthorityRoutes.certificates)?limit=\(limit)"
        if let subject { path += "&subject=\(try checked(subject).replacing("+", with: "%2B"))" }
        return try await call(HTTPCall(.get, path)).decode([CertificateRecord].self)
    }

    package func certifyHost(_ host: NewHostCertificate) async throws -> MadeCertificate {
        try await call(.json(.post, AuthorityRoutes.hostCertificates, host))
            .decode(MadeCertificate.self)
    }

    /// For a user's key, without a login.
    package func certifyUser(_ user: NewUserCertificate) async throws -> MadeCertificate {
        try await call(.json(.post, AuthorityRoutes.userCertificates, user))
            .decode(MadeCertificate.self)
    }

    package func revoke(_ revocation: NewRevocation) async throws {
        _ = try await call(.json(.post, AuthorityRoutes.revocations, revocation))
    }

    /// The revocation list, as `ssh-keygen -Q` reads it.
    package func revocationList() async throws -> [UInt8] {
        try await call(HTTPCall(.get, AuthorityRoutes.list)).body
    }
}
