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
