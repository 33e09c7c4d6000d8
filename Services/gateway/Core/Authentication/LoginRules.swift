package import SharedConfig

/// What the gateway itself demands of a login, whatever the webhooks say.
package struct LoginRules: Sendable {
    /// Which methods must succeed, and in which order.
    package var require: AuthMethodChains
    package var requireTouch: Bool
    package var requireUserVerification: Bool
    /// `nil` where certificates are not accepted.
    package var certificates: CertificateRules?
    /// `nil` where nothing is revoked.
    package var revokedKeys: RevokedKeys?
    /// Login names and identities whose logins are marked.
    package var privilegedUsers: TextPatternList

    package init(
        require: AuthMethodChains = AuthMethodChains(),
        requireTouch: Bool = true,
        requireUserVerification: Bool = false,
        certificates: CertificateRules? = nil,
        revokedKeys: RevokedKeys? = nil,
        privilegedUsers: TextPatternList = TextPatternList(["root"])
    ) {
        self.require = require
        self.requireTouch = requireTouch
        self.requireUserVerification = requireUserVerification
        self.certificates = certificates
        self.revokedKeys = revokedKeys
        self.privilegedUsers = privilegedUsers
    }
}
