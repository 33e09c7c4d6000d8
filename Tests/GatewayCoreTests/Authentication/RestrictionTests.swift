import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Restrictions that webhooks put on a login")
struct RestrictionTests {
    private let key = OfferedKey(algorithm: "ssh-ed25519", type: "ssh-ed25519", blob: [1, 2, 3])

    private func webhook(_ restrictions: CredentialRestrictions?) -> FakeAuthenticator {
        FakeAuthenticator { _ in AuthResponse(success: true, restrictions: restrictions) }
    }

    @Test("those of a key bound the connection")
    func key() async {
        let restricted = CredentialRestrictions(forceCommand: "backup", permitPty: false)
        let fixture = LoginFixture(Authenticators(publicKey: webhook(restricted)))
        #expect(await fixture.attempt(.publicKey(key)) == .accepted)
        let limits = fixture.state.facts.credentialLimits
        #expect(limits?.forcedCommand == "backup")
        #expect(limits?.permitsPTY == false)
        #expect(limits?.permitsPortForwarding == true)
    }

    @Test("without any nothing is bounded")
    func none() async {
        let fixture = LoginFixture(Authenticators(password: webhook(nil)))
        #expect(await fixture.password() == .accepted)
        #expect(fixture.state.facts.credentialLimits == nil)
    }

    @Test("those of the authorization come on top; two different commands let nobody in")
    func authorization() async {
        let first = webhook(CredentialRestrictions(forceCommand: "a"))
        let narrower = webhook(CredentialRestrictions(permitPty: false))
        let fixture = LoginFixture(Authenticators(password: first, authorization: narrower))
        #expect(await fixture.password() == .accepted)
        #expect(fixture.state.facts.credentialLimits?.forcedCommand == "a")
        #expect(fixture.state.facts.credentialLimits?.permitsPTY == false)

        let other = webhook(CredentialRestrictions(forceCommand: "b"))
        let refused = LoginFixture(Authenticators(password: first, authorization: other))
        #expect(await refused.password() == .refused(methods: ["password"]))
        #expect(refused.label("reason", of: "SSH_AUTH_FAILED") == "two forced commands")
    }

    @Test("a key that must know the person is refused if it is no security key")
    func verifyRequired() async {
        let restricted = CredentialRestrictions(verifyRequired: true)
        let fixture = LoginFixture(Authenticators(publicKey: webhook(restricted)))
        #expect(
            await fixture.attempt(.publicKey(key)) == .refused(methods: ["publickey"])
        )
        #expect(fixture.codes.contains("SSH_AUTH_TOUCH_REQUIRED"))
    }
}
