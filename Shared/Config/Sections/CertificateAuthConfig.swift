/// Logins with OpenSSH user certificates, and the list of keys that are no longer good.
package struct CertificateAuthConfig: ConfigSection {
    package enum Mode: String, ConfigChoice {
        case off = ""
        /// The gateway trusts the authorities below; no public key webhook is asked.
        case gateway
        /// A webhook decides: that of `webhook`, asked `/certificate`; without one that of
        /// `auth.publicKey`, which gets the certificate in the place of the key.
        case webhook
    }

    package var mode = Mode.off
    /// With mode `webhook`: who is asked about certificates; an empty URL for nobody of its own.
    package var webhook = AuthWebhookConfig()
    /// Keys of authorities: lines as in `authorized_keys`, or names of files with such lines.
    package var trustedCAs: [String] = []
    /// A revocation list of `ssh-keygen -k`, or a file with one public key a line; applies to
    /// plain keys too. Empty for none.
    package var revokedKeys = ""
    /// For a login name, the principals that may use it; others need a principal of that name.
    package var principals: [String: [String]] = [:]
    /// Whether a certificate without principals, which is good for every name, is refused.
    package var requirePrincipals = true
    /// How far clocks may differ at both ends of the validity.
    package var clockSkew: Duration = .zero

    package init() {}

    /// Whether a webhook is asked `/certificate`.
    package var asksWebhook: Bool { mode == .webhook && !webhook.client.url.isEmpty }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("mode", &mode)
        visitor.section("webhook", &webhook, checked: asksWebhook)
        visitor.field("trustedCAs", &trustedCAs)
        visitor.field("revokedKeys", &revokedKeys)
        visitor.field("principals", &principals)
        visitor.field("requirePrincipals", &requirePrincipals)
        visitor.field("clockSkew", &clockSkew)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        if mode == .gateway { list.checkSet("trustedCAs", trustedCAs) }
        list.check("clockSkew", clockSkew, atLeast: .zero)
        list.check(
            clockSkew <= .seconds(3600),
            "clockSkew",
            clockSkew.goText,
            "must be at most 1h0m0s"
        )
        return list.problems
    }
}
