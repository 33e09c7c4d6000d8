import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("What is refused at login")
struct LoginTests {
    private let key = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [1, 2, 3])
    private let yes = FakeAuthenticator { _ in
        AuthResponse(success: true, authenticatedUsername: "alice")
    }

    // MARK: - Conversations

    @Test("the webhook's state comes back with the answers, and nothing of it reaches the client")
    func rounds() async {
        let source = FakeConversation { request in
            switch request.step {
            case .begin(let devices):
                .round(
                    KeyboardRound(
                        name: devices,
                        instruction: "Look at your phone.",
                        prompts: [.init("Code: ", echo: true)],
                        state: "opaque"
                    )
                )
            case .answers([Array("123".utf8)], state: "opaque"):
                .verdict(AuthResponse(success: true, authenticatedUsername: "alice"))
            case .answers: .verdict(AuthResponse(success: false))
            }
        }
        let login = LoginFixture(Authenticators(keyboardInteractive: source))
        let challenge = KeyboardChallenge(
            name: "otp",
            instruction: "Look at your phone.",
            prompts: [.init("Code: ", echo: true)]
        )
        #expect(await login.attempt(.keyboardInteractive(devices: "otp")) == .challenge(challenge))
        let answers = AuthenticationAttempt.Method.keyboardInteractiveAnswers([Array("123".utf8)])
        #expect(await login.attempt(answers) == .accepted)
        #expect(login.state.facts.authenticatedUsername == "alice")
        #expect(login.codes == ["SSH_AUTH_KEYBOARD_INTERACTIVE", "SSH_AUTH_SUCCESSFUL"])
    }

    @Test("another attempt in between forgets the state of the round")
    func abandonedRound() async {
        let source = FakeConversation { _ in .round(KeyboardRound(state: "secret")) }
        let login = LoginFixture(Authenticators(password: yes, keyboardInteractive: source))
        _ = await login.attempt(.keyboardInteractive(devices: ""))
        _ = await login.attempt(.none)
        _ = await login.attempt(.keyboardInteractiveAnswers([]))
        #expect(source.steps == [.begin(devices: ""), .answers([], state: "")])
    }

    @Test("wrong answers are refused and counted")
    func wrongAnswers() async throws {
        let source = FakeConversation { _ in .verdict(AuthResponse(success: false)) }
        let login = LoginFixture(Authenticators(keyboardInteractive: source))
        #expect(
            await login.attempt(.keyboardInteractive(devices: ""))
                == .refused(methods: ["keyboard-interactive"])
        )
        #expect(try login.refusals("keyboard-interactive", "SSH_AUTH_FAILED") == 1)
    }

    @Test("a webhook that does not answer ends the connection with a text")
    func unavailable() async {
        let source = FakeConversation { _ in throw CodedError(.authBackendError) }
        let login = LoginFixture(Authenticators(keyboardInteractive: source))
        guard case .disconnect(let refusal) = await login.attempt(.keyboardInteractive(devices: ""))
        else {
            Issue.record("goes on")
            return
        }
        #expect(refusal.text.hasSuffix("[SSH_AUTH_UNAVAILABLE]"))
    }

    // MARK: - Refusals

    @Test("a password change is refused with a text")
    func passwordChange() async throws {
        let login = LoginFixture(Authenticators(password: yes))
        let text = try #require(MessageCode.sshAuthPasswordChange.personText)
        #expect(
            await login.attempt(.passwordChange)
                == .refused(
                    methods: ["password"],
                    text: text + " [SSH_AUTH_PASSWORD_CHANGE_REFUSED]"
                )
        )
        #expect(try login.refusals("password", "SSH_AUTH_PASSWORD_CHANGE_REFUSED") == 1)
        #expect(yes.questions.isEmpty)
    }

    @Test(
        "a key that cannot be used is refused with its fingerprint and the reason",
        arguments: [
            (UnusableKeyReason.rsaSize(1024), "RSA of 1024 bits"),
            (.algorithmNotAccepted, "algorithm not accepted"), (.malformed, "malformed"),
            (.wrongType, "key of another type than the algorithm"),
        ]
    )
    func unusableKey(_ reason: UnusableKeyReason, _ text: String) async throws {
        let login = LoginFixture(Authenticators(publicKey: yes))
        #expect(
            await login.attempt(.unusableKey(key, reason)) == .refused(methods: ["publickey"])
        )
        #expect(login.label("reason", of: "SSH_AUTH_KEY_REJECTED") == text)
        #expect(login.label("fingerprint", of: "SSH_AUTH_KEY_REJECTED") == key.fingerprint)
        #expect(try login.refusals("publickey", "SSH_AUTH_KEY_REJECTED") == 1)
    }

    @Test("a bad signature is refused and counted, with the key's fingerprint")
    func badSignature() async throws {
        let login = LoginFixture(Authenticators(publicKey: yes))
        _ = await login.attempt(.publicKeyBadSignature(key))
        #expect(login.label("fingerprint", of: "SSH_AUTH_BAD_SIGNATURE") == key.fingerprint)
        #expect(try login.refusals("publickey", "SSH_AUTH_BAD_SIGNATURE") == 1)
    }

    @Test("a refused key is logged with its fingerprint")
    func refusedKey() async {
        let no = FakeAuthenticator { _ in AuthResponse(success: false) }
        let login = LoginFixture(Authenticators(publicKey: no))
        _ = await login.attempt(.publicKeyProbe(key))
        #expect(login.label("fingerprint", of: "SSH_AUTH_FAILED") == key.fingerprint)
    }

    @Test("a method that nobody implements is refused under its name, which is no metric's label")
    func unsupported() async throws {
        let login = LoginFixture(Authenticators(password: yes))
        _ = await login.attempt(.unsupported("hostbased"))
        #expect(login.label("method", of: "AUTH_NOT_SUPPORTED") == "hostbased")
        #expect(try login.refusals("other", "AUTH_NOT_SUPPORTED") == 1)
    }

    // MARK: - Privileged users

    @Test(
        "a privileged login is marked by the name or by the identity",
        arguments: [
            ("root", "alice", ["root"], true), ("dev", "root", ["root"], true),
            ("dev", "alice", ["root"], false), ("db-admin", "alice", ["glob:*-admin"], true),
            ("admin2", "alice", ["regex:admin"], false), ("root", "root", [], false),
        ]
    )
    func privileged(
        _ username: String,
        _ identity: String,
        _ patterns: [String],
        _ isMarked: Bool
    ) async {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(success: true, authenticatedUsername: identity)
        }
        let rules = LoginRules(privilegedUsers: TextPatternList(patterns))
        let login = LoginFixture(Authenticators(password: webhook, rules: rules))
        #expect(await login.password(as: username) == .accepted)
        #expect(login.codes.contains("SSH_LOGIN_PRIVILEGED") == isMarked)
    }

    // MARK: - Security keys

    @Test(
        "a security key must be touched, and know the person where that is demanded",
        arguments: [
            (true, false, UInt8(1), true), (true, false, 0, false), (true, false, 4, false),
            (false, false, 0, true), (true, true, 1, false), (true, true, 5, true),
            (false, true, 4, true),
        ]
    )
    func touch(
        _ requireTouch: Bool,
        _ requireVerification: Bool,
        _ flags: UInt8,
        _ isAccepted: Bool
    ) async throws {
        var key = key
        key.securityKey = SecurityKeyUse(flags: flags, counter: 1)
        let rules = LoginRules(
            requireTouch: requireTouch,
            requireUserVerification: requireVerification
        )
        let login = LoginFixture(Authenticators(publicKey: yes, rules: rules))
        let verdict = await login.attempt(.publicKey(key))
        #expect(verdict == (isAccepted ? .accepted : .refused(methods: ["publickey"])))
        guard !isAccepted else { return }
        #expect(try login.refusals("publickey", "SSH_AUTH_TOUCH_REQUIRED") == 1)
    }
}
