/// authd.
package struct AuthdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7010")
    /// The SQLite file.
    package var database = "/var/lib/berth/authd.sqlite"
    package var admin = AuthdAdminConfig()
    package var passwords = AuthdPasswordsConfig()
    package var totp = AuthdTOTPConfig()
    package var certificates = AuthdCertificatesConfig()
    package var login = AuthdLoginConfig()
    package var kerberos = AuthdKerberosConfig()
    package var ldap = AuthdLDAPConfig()
    package var oauth2 = AuthdOAuth2Config()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("database", &database)
        visitor.section("admin", &admin)
        visitor.section("passwords", &passwords)
        visitor.section("totp", &totp)
        visitor.section("certificates", &certificates)
        visitor.section("login", &login, checked: login.enable)
        visitor.section("kerberos", &kerberos)
        visitor.section("ldap", &ldap, checked: ldap.isUsed)
        visitor.section("oauth2", &oauth2, checked: oauth2.isUsed)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("database", database)
        return server.internalProblems(at: path) + list.problems
    }
}

/// Where users and keys are managed.
package struct AuthdAdminConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "unix:///run/berth/authd-admin.sock")
    /// What callers have to send besides; empty: whoever reaches the listener may do everything,
    /// unless they send a token that was made with `berth token`. On TCP that may only be those
    /// with a client certificate.
    package var token = Secret()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("token", &token)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let isShort = !token.isEmpty && token.reveal().utf8.count < 16
        list.check(!isShort, "token", nil, "must be empty or of at least 16 characters")
        var isGuarded = !token.isEmpty || !server.clientCACertificate.isEmpty
        if case .unix? = server.address { isGuarded = true }
        list.check(
            isGuarded,
            "listen",
            server.listen,
            "lets in everybody who reaches it: set token or clientcacert, or use a Unix socket"
        )
        return server.internalProblems(at: path) + list.problems
    }
}

/// How authd checks passwords.
package struct AuthdPasswordsConfig: ConfigSection {
    /// Hashes that are computed at the same time; 0: half of the processors, at least one.
    package var threads = 0
    /// Checks that wait for their turn; more are refused with status 503.
    package var waiting = 256

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("threads", &threads)
        visitor.field("waiting", &waiting)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("threads", threads, in: 0...64)
        list.check("waiting", waiting, in: 1...100_000)
        return list.problems
    }
}

/// Codes of authenticator apps as a second factor (RFC 6238).
package struct AuthdTOTPConfig: ConfigSection {
    /// What apps show beside the user's name.
    package var issuer = "Berth"
    /// Steps of 30 s by which a clock may be wrong, either way.
    package var skew = 1
    /// Whether a user with a second factor may use the password without it.
    package var passwordAlone = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("issuer", &issuer)
        visitor.field("skew", &skew)
        visitor.field("passwordAlone", &passwordAlone)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("issuer", issuer)
        list.check(!issuer.contains(":"), "issuer", issuer, "must not contain a colon")
        list.check("skew", skew, in: 0...10)
        return list.problems
    }
}
