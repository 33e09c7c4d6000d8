/// Who may log in, and who is asked about it.
package struct AuthConfig: ConfigSection {
    package var password = PasswordAuthConfig()
    package var publicKey = PublicKeyAuthConfig()
    package var keyboardInteractive = KeyboardInteractiveAuthConfig()
    package var gssapi = GSSAPIAuthConfig()
    /// Asked after every successful authentication.
    package var authorization = AuthorizationConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("password", &password)
        visitor.section("publicKey", &publicKey)
        visitor.section("keyboardInteractive", &keyboardInteractive)
        visitor.section("gssapi", &gssapi)
        visitor.section("authz", &authorization)
    }
}

/// An auth webhook: how it is called, and how long it is tried.
package struct AuthWebhookConfig: ConfigSection {
    package var client = HTTPClientConfig()
    /// For all tries of one question together.
    package var authTimeout: Duration = .seconds(60)
    /// Pause between two tries.
    package var retryInterval: Duration = .seconds(1)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("authTimeout", &authTimeout)
        visitor.field("retryInterval", &retryInterval)
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

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("webhook", &webhook, checked: method == .webhook)
    }
}

package struct KeyboardInteractiveAuthConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case oauth2
    }

    package var method = Method.off
    package var oauth2 = OAuth2Config()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
        visitor.section("oauth2", &oauth2, checked: method == .oauth2)
    }
}

package struct GSSAPIAuthConfig: ConfigSection {
    package enum Method: String, ConfigChoice {
        case off = ""
        case kerberos
    }

    package var method = Method.off
    package var kerberos = KerberosConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("method", &method)
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
