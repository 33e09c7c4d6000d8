import SharedConfig
import Testing

@Suite("The auth section")
struct AuthConfigTests {
    private static let webhook = """
        auth:
          password: {method: webhook, webhook: {url: "http://127.0.0.1:1"}}
          publicKey: {method: webhook, webhook: {url: "http://127.0.0.1:1"}}
        """

    private func auth(_ more: String) throws -> AuthConfig {
        try load(Self.webhook + "\n" + more).config.auth
    }

    private func problems(_ more: String) -> [String] {
        do {
            _ = try auth(more)
            return []
        } catch {
            return "\(error)".split(separator: "\n").map(String.init)
        }
    }

    @Test("required methods are one list, or several of which one is enough")
    func require() throws {
        #expect(try auth("").require.chains.isEmpty)
        #expect(
            try auth("  require: [publickey, password]").require.chains == [
                [.publicKey, .password]
            ]
        )
        #expect(
            try auth("  require: [[publickey, password], [password]]").require.chains
                == [[.publicKey, .password], [.password]]
        )
        #expect(try auth("  require: []").require.chains.isEmpty)
    }

    @Test(
        "a method that nobody knows, that is not configured, or none at all is a problem",
        arguments: [
            "[hostbased]", "[publickey, keyboard-interactive]", "[[publickey], []]", "publickey",
        ]
    )
    func badRequire(_ value: String) {
        let found = problems("  require: \(value)")
        #expect(found.contains { $0.contains("auth.require") }, "\(found)")
    }

    @Test("what may follow is what a chain says after what is done")
    func next() {
        let chains = AuthMethodChains([
            [.publicKey, .password], [.publicKey, .keyboardInteractive],
        ])
        #expect(chains.next(after: []) == [.publicKey])
        #expect(chains.next(after: [.publicKey]) == [.password, .keyboardInteractive])
        #expect(chains.next(after: [.password]).isEmpty)
        #expect(!chains.isComplete([.publicKey]))
        #expect(chains.isComplete([.publicKey, .keyboardInteractive]))
        #expect(AuthMethodChains().isComplete([.password]))
        #expect(!AuthMethodChains().isComplete([]))
    }

    @Test(
        "values out of their range are problems",
        arguments: [
            ("publicKey.minimumRSABits", "  publicKey: {minimumRSABits: 1024}"),
            ("publicKey.algorithms", "  publicKey: {algorithms: [ssh-rsa]}"),
            ("publicKey.algorithms", "  publicKey: {algorithms: []}"),
            ("certificates.trustedCAs", "  certificates: {mode: gateway}"),
            ("certificates.clockSkew", "  certificates: {clockSkew: 2h}"),
            ("certificates.mode", "  certificates: {mode: trust}"),
            ("privilegedUsers", "  privilegedUsers: [\"regex:(\"]"),
            ("keyboardInteractive.webhook", "  keyboardInteractive: {method: webhook}"),
        ]
    )
    func problems(_ key: String, _ text: String) throws {
        let start = "auth:\n"
        let found: [String]
        do {
            _ = try load(start + text)
            found = []
        } catch {
            found = "\(error)".split(separator: "\n").map(String.init)
        }
        #expect(found.contains { $0.contains("auth.\(key)") }, "\(found)")
    }

    @Test("certificates for the webhook need a webhook")
    func webhookMode() throws {
        #expect(try auth("  certificates: {mode: webhook}").certificates.mode == .webhook)
        #expect(throws: (any Error).self) { try load("auth: {certificates: {mode: webhook}}") }
    }

    @Test("the methods that are configured")
    func configured() throws {
        #expect(try auth("").configuredMethods == [.publicKey, .password])
        let alone = "auth: {certificates: {mode: gateway, trustedCAs: [/etc/ca.pub]}}"
        #expect(try load(alone).config.auth.configuredMethods == [.publicKey])
    }
}

@Suite("Logins at a provider in the configuration")
struct OAuth2ConfigTests {
    /// The keys with problems that a section `oauth2` has, in the gateway's place and in authd's.
    private func problems(_ section: String) throws -> [[String]] {
        let places = [
            (
                "auth.keyboardInteractive.oauth2.",
                "auth: {keyboardInteractive: {method: oauth2, oauth2: "
            ),
            ("authd.oauth2.", "authd: {oauth2: "),
        ]
        return places.map { prefix, start in
            let end = String(repeating: "}", count: start.count { $0 == "{" })
            do {
                _ = try load(start + section + end)
                return []
            } catch {
                return "\(error)".split(separator: "\n").compactMap { line in
                    guard let range = line.firstRange(of: prefix) else { return nil }
                    return line[range.upperBound...].split(separator: ":").first.map(String.init)
                }
            }
        }
    }

    private let oidc = "provider: oidc, clientId: x, clientSecret: y"

    @Test("a complete section has none")
    func complete() throws {
        for rest in [
            "oidc: {url: \"https://sso.example\", deviceFlow: true}",
            "oidc: {url: \"https://sso.example/\", authorizationCodeFlow: true, redirectURI: \"https://a/\"}",
        ] {
            #expect(try problems("{\(oidc), \(rest)}") == [[], []], "\(rest)")
        }
        #expect(try problems("{provider: github, clientId: x, clientSecret: y}") == [[], []])
    }

    @Test("what is missing or no rule is named in both places")
    func broken() throws {
        let flow = "oidc: {url: \"https://sso.example\", deviceFlow: true}"
        for (section, key) in [
            ("{\(oidc), oidc: {url: \"https://sso.example\"}}", "oidc.deviceFlow"),
            ("{\(oidc), oidc: {deviceFlow: true}}", "oidc.url"),
            (
                "{\(oidc), oidc: {url: \"https://a\", authorizationCodeFlow: true}}",
                "oidc.redirectURI"
            ),
            ("{provider: oidc, clientSecret: y, \(flow)}", "clientId"),
            ("{provider: oidc, clientId: x, \(flow)}", "clientSecret"),
            ("{\(oidc), \(flow), qrCodeClients: [\"(\"]}", "qrCodeClients"),
            ("{\(oidc), \(flow), deviceFlowClients: [\"[\"]}", "deviceFlowClients"),
            ("{\(oidc), \(flow), authTimeout: 1ms}", "authTimeout"),
            (
                "{provider: generic, clientId: x, clientSecret: y, generic: {authorizeEndpointURL: "
                    + "\"https://a/\", redirectURI: \"https://b/\", userInfoURL: /me, "
                    + "tokenEndpoint: {url: \"https://c/\"}}}",
                "generic.userInfoURL"
            ),
        ] {
            #expect(try problems(section) == [[key], [key]], "\(section)")
        }
    }

    @Test("a round of authd's must be long enough that there are not too many")
    func rounds() throws {
        let flow = "oidc: {url: \"https://sso.example\", deviceFlow: true}"
        let text = "{\(oidc), \(flow), longestRound: 1s, authTimeout: 5m}"
        #expect(try problems(text).last == ["longestRound"])
    }

    @Test("authd asks no provider unless it is told which")
    func off() throws {
        #expect(try !load("").config.authd.oauth2.isUsed)
        #expect(
            try load("authd: {oauth2: {requireAccount: false}}").config.authd.oauth2.isUsed == false
        )
    }
}
