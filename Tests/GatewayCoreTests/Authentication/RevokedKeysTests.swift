import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The revocation list on disk")
struct RevokedKeysTests {
    private let path: String
    private let key: SSHPublicKey

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "berth-revoked-\(UUID().uuidString)").path
        key = try SSHPrivateKey.generateEd25519().publicKey
    }

    private func write(_ text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func login() -> LoginFixture {
        LoginFixture(
            Authenticators(
                publicKey: FakeAuthenticator { _ in AuthResponse(success: true) },
                rules: LoginRules(revokedKeys: RevokedKeys(path: path))
            )
        )
    }

    private var probe: AuthenticationAttempt.Method {
        .publicKeyProbe(
            OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: key.blob)
        )
    }

    @Test("a change on disk is seen by the next login")
    func change() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }  // Only litter if it fails.
        let list = RevokedKeys(path: path)
        try write("")
        #expect(try await !list.current().revokes(key.blob))
        try write(key.authorizedKeysLine)
        #expect(try await list.current().revokes(key.blob))
        try write("# none\n")
        #expect(try await !list.current().revokes(key.blob))
    }

    @Test("a revoked key is refused without asking the webhook")
    func revoked() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }  // Only litter if it fails.
        try write(key.authorizedKeysLine)
        let login = login()
        #expect(await login.attempt(probe) == .refused(methods: ["publickey"]))
        #expect(try login.refusals("publickey", "SSH_AUTH_KEY_REVOKED") == 1)
    }

    @Test("without a list that can be read nobody gets in with a key", arguments: [true, false])
    func unreadable(isThere: Bool) async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }  // Only litter if it fails.
        if isThere { try write("no list\n") }
        let login = login()
        guard case .disconnect(let refusal) = await login.attempt(probe) else {
            Issue.record("goes on")
            return
        }
        #expect(refusal.text.hasSuffix("[SSH_AUTH_REVOCATION_UNREADABLE]"))
        #expect(try login.refusals("publickey", "SSH_AUTH_REVOCATION_UNREADABLE") == 1)
    }

    @Test("trusted authorities stand in the configuration or in a file; anything else is an error")
    func authorities() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }  // Only litter if it fails.
        var config = AuthConfig()
        config.certificates.mode = .gateway
        config.certificates.trustedCAs = [key.authorizedKeysLine + " the CA"]
        #expect(try LoginRules(config).certificates != nil)
        config.certificates.trustedCAs = [path]
        for text in ["", "# nothing\n", "no key\n"] {
            try write(text)
            let error = #expect(throws: CodedError.self) { try LoginRules(config) }
            #expect(error?.code == .sshAuthCAUnusable)
        }
        try write("# both\n\(key.authorizedKeysLine)\ncert-authority \(key.authorizedKeysLine)\n")
        #expect(try LoginRules(config).certificates != nil)
        config.certificates.trustedCAs = ["/nowhere/ca.pub"]
        #expect(throws: CodedError.self) { try LoginRules(config) }
    }

    @Test("what a configuration may name is what the engine speaks")
    func algorithms() {
        #expect(SSHAlgorithms.plainUserKeys == UserKeyAlgorithm.plain.map(\.name))
        #expect(SSHAlgorithms.userCertificates == UserKeyAlgorithm.certificates.map(\.name))
        var config = AuthConfig()
        #expect(config.acceptedKeyAlgorithms == SSHAlgorithms.plainUserKeys)
        config.certificates.mode = .webhook
        #expect(config.acceptedKeyAlgorithms == SSHAlgorithms.userKeys)
    }

    @Test("clients are told exactly the algorithms that are accepted")
    func announced() {
        var config = AuthConfig()
        config.publicKey.algorithms = ["rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com"]
        config.publicKey.minimumRSABits = 4096
        for mode in [CertificateAuthConfig.Mode.off, .gateway] {
            config.certificates.mode = mode
            let settings = SSHServerSettings(
                SSHConfig(),
                auth: config,
                host: HostIdentity(keys: []),
                methods: []
            )
            let expected = mode == .off ? ["rsa-sha2-512"] : config.publicKey.algorithms
            #expect(settings.transport.userKeyAlgorithms == expected)
            #expect(settings.authentication.userKeyAlgorithms == expected)
            #expect(settings.authentication.minimumRSABits == 4096)
        }
    }
}
