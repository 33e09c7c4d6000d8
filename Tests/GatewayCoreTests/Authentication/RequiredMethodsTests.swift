import SharedConfig
import SharedModels
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Required methods")
struct RequiredMethodsTests {
    private let key = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [1])
    private let otherKey = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [2])

    private func fixture(
        _ chains: [[AuthMethod]],
        password: FakeAuthenticator = FakeAuthenticator { _ in AuthResponse(success: true) },
        publicKey: FakeAuthenticator = FakeAuthenticator { _ in AuthResponse(success: true) },
        authorization: FakeAuthenticator? = nil
    ) -> LoginFixture {
        LoginFixture(
            Authenticators(
                password: password,
                publicKey: publicKey,
                keyboardInteractive: FakeConversation { _ in
                    .verdict(AuthResponse(success: true))
                },
                authorization: authorization,
                rules: LoginRules(require: AuthMethodChains(chains))
            )
        )
    }

    @Test("the first method is a partial success that names the second")
    func order() async {
        let login = fixture([[.publicKey, .password]])
        #expect(await login.attempt(.none) == .refused(methods: ["publickey"]))
        #expect(await login.attempt(.publicKeyProbe(key)) == .accepted)
        #expect(await login.attempt(.publicKey(key)) == .partial(methods: ["password"]))
        #expect(await login.password() == .accepted)
        #expect(login.codes.suffix(2) == ["SSH_AUTH_PARTIAL", "SSH_AUTH_SUCCESSFUL"])
        #expect(login.label("method", of: "SSH_AUTH_SUCCESSFUL") == "publickey,password")
    }

    @Test("a method that is not next is refused without asking anybody")
    func outOfOrder() async throws {
        let password = FakeAuthenticator { _ in AuthResponse(success: true) }
        let login = fixture([[.publicKey, .password]], password: password)
        #expect(await login.password() == .refused(methods: ["publickey"]))
        #expect(password.questions.isEmpty)
        #expect(login.codes == ["SSH_AUTH_OUT_OF_ORDER"])
        #expect(try login.refusals("password", "SSH_AUTH_OUT_OF_ORDER") == 1)
    }

    @Test("one of several chains is enough, and each goes on from what has succeeded")
    func alternatives() async {
        let chains: [[AuthMethod]] = [
            [.publicKey, .password], [.publicKey, .keyboardInteractive],
        ]
        let login = fixture(chains)
        #expect(
            await login.attempt(.publicKey(key))
                == .partial(methods: ["password", "keyboard-interactive"])
        )
        #expect(await login.attempt(.keyboardInteractive(devices: "")) == .accepted)
    }

    @Test("a failed second step keeps the first")
    func failedStep() async {
        let password = FakeAuthenticator {
            AuthResponse(success: $0.question == .password(Array("right".utf8)))
        }
        let login = fixture([[.publicKey, .password]], password: password)
        _ = await login.attempt(.publicKey(key))
        #expect(await login.password("wrong") == .refused(methods: ["password"]))
        #expect(await login.password("right") == .accepted)
    }

    @Test("another user name begins anew, also on the way back")
    func username() async {
        let login = fixture([[.publicKey, .password]])
        _ = await login.attempt(.publicKey(key))
        #expect(await login.password(as: "root") == .refused(methods: ["publickey"]))
        #expect(await login.password() == .refused(methods: ["publickey"]))
        #expect(login.state.facts.authenticatedUsername.isEmpty)
    }

    @Test("two steps that name different people are refused")
    func identity() async throws {
        let login = fixture(
            [[.publicKey, .password]],
            password: FakeAuthenticator { _ in
                AuthResponse(success: true, authenticatedUsername: "mallory")
            },
            publicKey: FakeAuthenticator { _ in
                AuthResponse(success: true, authenticatedUsername: "alice")
            }
        )
        _ = await login.attempt(.publicKey(key))
        #expect(await login.password() == .refused(methods: ["password"]))
        #expect(login.codes.last == "SSH_AUTH_IDENTITY_CHANGED")
        #expect(try login.refusals("password", "SSH_AUTH_IDENTITY_CHANGED") == 1)
        #expect(login.state.facts.authenticatedUsername.isEmpty)
    }

    @Test("metadata of all steps reaches the connection, and the later question")
    func metadata() async {
        let first = ConnectionMetadata(metadata: ["a": MetadataValue("1"), "b": MetadataValue("1")])
        let second = ConnectionMetadata(metadata: ["b": MetadataValue("2")])
        let login = fixture(
            [[.publicKey, .password]],
            password: FakeAuthenticator {
                AuthResponse(success: $0.head.carried == first, carried: second)
            },
            publicKey: FakeAuthenticator { _ in AuthResponse(success: true, carried: first) }
        )
        _ = await login.attempt(.publicKey(key))
        #expect(login.state.facts.carried == ConnectionMetadata())
        #expect(await login.password() == .accepted)
        #expect(
            login.state.facts.carried.metadata
                == ["a": MetadataValue("1"), "b": MetadataValue("2")]
        )
    }

    @Test("authorization is asked once, after the last step; its no begins anew")
    func authorization() async {
        let authorization = FakeAuthenticator { _ in AuthResponse(success: false) }
        let login = fixture([[.publicKey, .password]], authorization: authorization)
        _ = await login.attempt(.publicKey(key))
        #expect(authorization.questions.isEmpty)
        #expect(await login.password() == .refused(methods: ["publickey"]))
        #expect(authorization.questions.count == 1)
    }

    @Test("two keys are two keys")
    func sameKeyTwice() async throws {
        let login = fixture([[.publicKey, .publicKey]])
        #expect(await login.attempt(.publicKey(key)) == .partial(methods: ["publickey"]))
        #expect(await login.attempt(.publicKeyProbe(key)) == .refused(methods: ["publickey"]))
        #expect(await login.attempt(.publicKey(key)) == .refused(methods: ["publickey"]))
        #expect(try login.refusals("publickey", "SSH_AUTH_KEY_REUSED") == 2)
        #expect(await login.attempt(.publicKey(otherKey)) == .accepted)
    }

    @Test("a key without its signature is no step")
    func probeAlone() async {
        let login = fixture([[.publicKey, .password]])
        #expect(await login.attempt(.publicKeyProbe(key)) == .accepted)
        #expect(await login.password() == .refused(methods: ["publickey"]))
    }
}
