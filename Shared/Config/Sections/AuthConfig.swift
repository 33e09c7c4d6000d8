/// Who may log in, and who is asked about it.
package struct AuthConfig: ConfigSection {
    package var password = PasswordAuthConfig()
    package var publicKey = PublicKeyAuthConfig()
    package var keyboardInteractive = KeyboardInteractiveAuthConfig()
    package var gssapi = GSSAPIAuthConfig()
    package var certificates = CertificateAuthConfig()
    /// Asked once everything else has succeeded.
    package var authorization = AuthorizationConfig()
    /// Which methods must succeed, in which order; any single one where nothing is set.
    package var require = AuthMethodChains()
    /// What counts while the public key webhook is away.
    package var cache = AuthCacheConfig()
    /// Login names and identities whose logins are marked: names or patterns (`TextPattern`).
    package var privilegedUsers = ["root"]

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("password", &password)
        visitor.section("publicKey", &publicKey)
        visitor.section("keyboardInteractive", &keyboardInteractive)
        visitor.section("gssapi", &gssapi)
        visitor.section("certificates", &certificates)
        visitor.section("authz", &authorization)
        visitor.section("cache", &cache, checked: cache.enable)
        visitor.field("require", &require)
        visitor.field("privilegedUsers", &privilegedUsers)
    }

    /// The SSH methods that are configured, in the order in which clients should try them.
    package var configuredMethods: [AuthMethod] {
        AuthMethod.allCases.filter {
            switch $0 {
            case .publicKey:
                publicKey.method != .off || certificates.mode == .gateway
                    || certificates.asksWebhook
            case .password: password.method != .off
            case .keyboardInteractive: keyboardInteractive.method != .off
            case .gssapi: gssapi.method != .off
            }
        }
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let configured = configuredMethods
        for (index, chain) in require.chains.enumerated() {
            list.check(!chain.isEmpty, "require[\(index)]", nil, "must not be empty")
            for method in chain where !configured.contains(method) {
                list.check(
                    false,
                    "require",
                    method.rawValue,
                    "must name configured methods only"
                )
            }
        }
        list.check(
            certificates.mode != .webhook || certificates.asksWebhook
                || publicKey.method == .webhook,
            "certificates.mode",
            "webhook",
            "needs certificates.webhook.url or publicKey.method webhook"
        )
        list.check(
            !cache.enable || publicKey.method == .webhook,
            "cache.enable",
            "true",
            "needs publicKey.method webhook"
        )
        list.checkPatterns("privilegedUsers", privilegedUsers)
        return list.problems
    }
}

/// An auth webhook: how it is called, and how long it is tried.
package struct AuthWebhookConfig: ConfigSection {
    package var client = HTTPClientConfig()
    /// For all tries of one question together.
    package var authTimeout: Duration = .seconds(60)
    /// Pause between two tries.
    package var retryInterval: Duration = .seconds(1)
    package var breaker = BreakerConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("authTimeout", &authTimeout)
        visitor.field("retryInterval", &retryInterval)
        visitor.section("breaker", &breaker)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("authTimeout", authTimeout, atLeast: .milliseconds(100))
        list.check("retryInterval", retryInterval, atLeast: .milliseconds(10))
        return client.problemsWithURL(at: path) + list.problems
    }
}

package struct PasswordAuthConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case webhook
        case kerberos
    }

    package var method = Method.off
    package var webhook = AuthWebhookConfig()
    package var kerberos = KerberosConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
        visitor.section("kerberos", &kerberos, checked: method == .kerberos)
    }
}

package struct PublicKeyAuthConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case webhook
    }

    package var method = Method.off
    package var webhook = AuthWebhookConfig()
    /// RSA keys of fewer bits are refused; 2048...16384.
    package var minimumRSABits = 2048
    /// The accepted public key algorithms; those with certificates count only where certificates
    /// are on.
    package var algorithms = SSHAlgorithms.userKeys
    /// Whether a signature of a security key counts only if somebody touched it.
    package var requireTouch = true
    /// Whether it counts only if the security key knew the person, by PIN or fingerprint.
    package var requireUserVerification = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
        visitor.field("minimumRSABits", &minimumRSABits)
        visitor.field("algorithms", &algorithms)
        visitor.field("requireTouch", &requireTouch)
        visitor.field("requireUserVerification", &requireUserVerification)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("minimumRSABits", minimumRSABits, in: 2048...16384)
        list.checkSet("algorithms", algorithms)
        list.check("algorithms", algorithms, among: SSHAlgorithms.userKeys)
        return list.problems
    }
}

package struct KeyboardInteractiveAuthConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case webhook
        case oauth2
    }

    package var method = Method.off
    package var webhook = AuthWebhookConfig()
    package var oauth2 = OAuth2Config()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
        visitor.section("oauth2", &oauth2, checked: method == .oauth2)
    }
}

package struct GSSAPIAuthConfig: ConfigSection {
    /// With both the webhook decides; with `kerberos` authd finds its keytab here.
    package enum Method: String, ConfigChoice {
        case off = ""
        case webhook
        case kerberos
    }

    package var method = Method.off
    package var webhook = AuthWebhookConfig()
    package var kerberos = KerberosConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
        visitor.section("kerberos", &kerberos, checked: method == .kerberos)
    }
}

package struct AuthorizationConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case webhook
    }

    package var method = Method.off
    package var webhook = AuthWebhookConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
    }
}

package struct KerberosConfig: ConfigSection {
    package var keytab = "/etc/krb5.keytab"
    /// `any`, `host`, or a principal `service/name`.
    package var acceptor = "any"
    /// Whether the principal must equal the login name.
    package var enforceUsername = true
    /// Where the ticket is put inside the workspace.
    package var credentialCachePath = "/tmp/krb5cc"
    /// Used by the password method.
    package var configPath = "/etc/containerssh/krb5.conf"
    package var clockSkew: Duration = .seconds(300)

    package init() {}

    init(configPath: String) { self.configPath = configPath }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("keytab", &keytab)
        visitor.field("acceptor", &acceptor)
        visitor.field("enforceUsername", &enforceUsername)
        visitor.field("credentialCachePath", &credentialCachePath)
        visitor.field("configPath", &configPath)
        visitor.field("clockSkew", &clockSkew)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("keytab", keytab)
        list.checkSet("acceptor", acceptor)
        list.check("clockSkew", clockSkew, atLeast: .zero)
        return list.problems
    }
}
