/// Login through an OAuth2 or OpenID Connect provider.
package struct OAuth2Config: ConfigSection {
    package enum Provider: String, ConfigChoice {
        case none = ""
        case github
        case oidc
        case generic
    }

    package var redirect = OAuth2RedirectConfig()
    package var clientID = ""
    package var clientSecret = Secret()
    package var provider = Provider.none
    package var github = GitHubConfig()
    package var oidc = OIDCConfig()
    package var generic = GenericOAuth2Config()
    /// Regular expressions for the versions of clients that are shown QR codes; OpenSSH's if empty.
    package var qrCodeClients: [String] = []
    /// Those of clients for which the device flow is used; all if empty.
    package var deviceFlowClients: [String] = []
    /// For the whole login at the provider.
    package var authTimeout: Duration = .seconds(120)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("redirect", &redirect)
        visitor.field("clientId", &clientID)
        visitor.field("clientSecret", &clientSecret)
        visitor.field("provider", &provider)
        visitor.section("github", &github, checked: provider == .github)
        visitor.section("oidc", &oidc, checked: provider == .oidc)
        visitor.section("generic", &generic, checked: provider == .generic)
        visitor.field("qrCodeClients", &qrCodeClients)
        visitor.field("deviceFlowClients", &deviceFlowClients)
        visitor.field("authTimeout", &authTimeout)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("clientId", clientID)
        list.check(!clientSecret.isEmpty, "clientSecret", nil, "must be set")
        list.check(provider != .none, "provider", nil, "must be github, oidc or generic")
        list.check("authTimeout", authTimeout, atLeast: .seconds(1))
        list.checkRegularExpressions("qrCodeClients", qrCodeClients)
        list.checkRegularExpressions("deviceFlowClients", deviceFlowClients)
        return list.problems
    }
}

extension Rules {
    fileprivate mutating func checkRegularExpressions(_ key: String, _ patterns: [String]) {
        for pattern in patterns where (try? Regex(pattern)) == nil {
            check(false, key, pattern, "must be regular expressions")
        }
    }
}

/// The server that shows the code a person copies into the terminal.
package struct OAuth2RedirectConfig: ConfigSection {
    package var server = HTTPServerConfig()
    /// A directory with an `index.html`; empty: the built-in page.
    package var webroot = ""

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("webroot", &webroot)
    }

    package func problems(at path: String) -> [ConfigProblem] { server.problems(at: path) }
}

package struct GitHubConfig: ConfigSection {
    package var client = Self.defaultClient
    package var apiURL = "https://api.github.com"
    /// Whether the GitHub login must equal the login name.
    package var enforceUsername = true
    package var requireOrgMembership = ""
    package var require2FA = false
    package var extraScopes: [String] = []
    package var enforceScopes = false

    private static var defaultClient: HTTPClientConfig {
        var client = HTTPClientConfig(url: "https://github.com")
        client.timeout = .seconds(10)
        return client
    }

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("apiurl", &apiURL)
        visitor.field("enforceUsername", &enforceUsername)
        visitor.field("requireOrgMembership", &requireOrgMembership)
        visitor.field("require2FA", &require2FA)
        visitor.field("extraScopes", &extraScopes)
        visitor.field("enforceScopes", &enforceScopes)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(
            HTTPClientConfig.isURL(apiURL),
            "apiurl",
            apiURL,
            "must be an absolute URL"
        )
        return client.problemsWithURL(at: path) + list.problems
    }
}

package struct OIDCConfig: ConfigSection {
    /// `url` is the issuer; `.well-known/openid-configuration` is found below it.
    package var client = HTTPClientConfig()
    package var deviceFlow = false
    package var authorizationCodeFlow = false
    /// The claim that becomes the authenticated username.
    package var usernameField = "sub"
    /// Whether it must equal the login name.
    package var enforceUsername = false
    package var redirectURI = ""
    package var extraScopes: [String] = []
    package var enforceScopes = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("deviceFlow", &deviceFlow)
        visitor.field("authorizationCodeFlow", &authorizationCodeFlow)
        visitor.field("usernameField", &usernameField)
        visitor.field("enforceUsername", &enforceUsername)
        visitor.field("redirectURI", &redirectURI)
        visitor.field("extraScopes", &extraScopes)
        visitor.field("enforceScopes", &enforceScopes)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(
            deviceFlow || authorizationCodeFlow,
            "deviceFlow",
            nil,
            "or authorizationCodeFlow must be true"
        )
        list.checkSet("usernameField", usernameField)
        if authorizationCodeFlow { list.checkSet("redirectURI", redirectURI) }
        return client.problemsWithURL(at: path) + list.problems
    }
}

package struct GenericOAuth2Config: ConfigSection {
    package var authorizeEndpointURL = ""
    package var tokenEndpoint = HTTPClientConfig()
    package var redirectURI = ""
    package var scopes: [String] = []
    /// Where the token's owner is told, as JSON; called like the token endpoint.
    package var userInfoURL = ""
    /// The key of its answer that becomes the authenticated username.
    package var usernameField = "sub"
    /// Whether it must equal the login name.
    package var enforceUsername = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("authorizeEndpointURL", &authorizeEndpointURL)
        visitor.section("tokenEndpoint", &tokenEndpoint)
        visitor.field("redirectURI", &redirectURI)
        visitor.field("scopes", &scopes)
        visitor.field("userInfoURL", &userInfoURL)
        visitor.field("usernameField", &usernameField)
        visitor.field("enforceUsername", &enforceUsername)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let rule = "must be an absolute URL"
        list.check(
            HTTPClientConfig.isURL(authorizeEndpointURL),
            "authorizeEndpointURL",
            authorizeEndpointURL,
            rule
        )
        list.check(HTTPClientConfig.isURL(redirectURI), "redirectURI", redirectURI, rule)
        list.check(!tokenEndpoint.url.isEmpty, "tokenEndpoint.url", nil, "must be set")
        list.check(
            userInfoURL.isEmpty || HTTPClientConfig.isURL(userInfoURL),
            "userInfoURL",
            userInfoURL,
            "must be empty or an absolute URL"
        )
        list.checkSet("usernameField", usernameField)
        return list.problems
    }
}
