import SharedModels
import InMemoryLogging
import SharedConfig
import Crypto
import Foundation
import ProviderDouble
import SharedMessages
import StubHTTPServer
import Testing

@testable import AuthOAuth2

@Suite("ID tokens and what else a provider says about somebody", .timeLimit(.minutes(4)))
struct IDTokenTests {
    /// Logs in by code, and expects a refusal with this code and reason.
    private func expectRefusal(
        _ code: MessageCode,
        _ reason: String,
        _ change: (inout ProviderDouble.Behaviour) -> Void
    ) async throws {
        var behaviour = ProviderDouble.Behaviour()
        change(&behaviour)
        try await Fixture.run(.code, behaviour) { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer == .refused(code.personText ?? ""), "\(reason)")
            #expect(fixture.hasLogged(code))
            #expect(fixture.logText.contains(reason), "\(fixture.logText)")
        }
    }

    @Test(
        "tokens signed with every usual kind of key count",
        arguments: [SigningKeys.Algorithm.rs256, .ps256, .es256, .eddsa]
    )
    func algorithms(_ algorithm: SigningKeys.Algorithm) async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.algorithm = algorithm
        try await Fixture.run(.code, behaviour) { fixture async throws in
            #expect(try await fixture.run(try fixture.login()).name == "dev")
        }
    }

    @Test("tokens that nobody signed, or with what everybody knows, do not")
    func unsigned() async throws {
        for algorithm in [SigningKeys.Algorithm.none, .hs256] {
            try await expectRefusal(.oidcIDTokenInvalid, "of an algorithm not accepted") {
                $0.algorithm = algorithm
            }
        }
    }

    @Test("a signature by one kind of key does not count as another's")
    func confusion() async throws {
        // The names of keys say which one is meant: that of another kind never fits.
        for (algorithm, name) in [(SigningKeys.Algorithm.rs256, "ec"), (.es256, "rsa")] {
            try await expectRefusal(.oidcIDTokenInvalid, "signed with an unknown key") {
                $0.algorithm = algorithm
                $0.keyID = name
            }
        }
        try await expectRefusal(.oidcIDTokenInvalid, "signed with an unknown key") {
            $0.keyID = "secret"
        }
    }

    @Test("a key that is not in the provider's set does not count")
    func otherKey() async throws {
        let strange = SigningKeys(fresh: "")
        let set = SigningKeys().set
        try await expectRefusal(.oidcIDTokenInvalid, "signature or claims") {
            $0.keys = strange
            $0.answers["/jwks"] = .json(set)
        }
    }

    @Test("claims that are not for us, or not for now, are refused")
    func claims() async throws {
        let now = Int(Date.now.timeIntervalSince1970)
        let cases: [(String, Claim?, String)] = [
            ("iss", "https://else.example", "other issuer"),
            ("aud", "somebody", "other audience"),
            ("aud", .list([]), "other audience"),
            ("aud", .list(["berth", "somebody"]), "several audiences"),
            ("azp", "somebody", "other authorized party"),
            ("exp", .number(now - 120), "expired"), ("exp", nil, "signature or claims"),
            ("iat", .number(now + 600), "issued in the future"),
            ("iat", nil, "signature or claims"), ("nbf", .number(now + 600), "not yet valid"),
            ("sub", "", "no subject"), ("sub", nil, "signature or claims"),
            ("sub", "subject-2", "userinfo of another subject"),
        ]
        for (name, claim, reason) in cases {
            try await expectRefusal(.oidcIDTokenInvalid, reason) {
                $0.claims[name] = .some(claim)
            }
        }
    }

    @Test("clocks may differ a little; two audiences need the party that is meant")
    func allowed() async throws {
        let now = Int(Date.now.timeIntervalSince1970)
        for claims: [String: Claim?] in [
            ["exp": .number(now - 5)], ["iat": .number(now + 20), "nbf": .number(now + 20)],
            ["aud": .list(["berth"])], ["aud": .list(["x", "berth"]), "azp": "berth"],
        ] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.claims = claims
            try await Fixture.run(.code, behaviour) { fixture async throws in
                #expect(try await fixture.run(try fixture.login()).name == "dev", "\(claims)")
            }
        }
    }

    @Test("without an ID token nobody is let in")
    func missing() async throws {
        try await expectRefusal(.oidcIDTokenInvalid, "none was sent") { $0.sendsIDToken = false }
    }

    @Test("userinfo must be about the same subject")
    func subject() async throws {
        for claim: Claim? in ["subject-2", nil] {
            try await expectRefusal(.oidcIDTokenInvalid, "userinfo of another subject") {
                $0.userInfo["sub"] = .some(claim)
            }
        }
    }

    @Test("without the claim that names the user, or with one of no use, nobody is let in")
    func username() async throws {
        for claim: Claim? in [
            nil, "", 7, " dev", "a\u{1B}[2Jb", "a\nb", .text(String(repeating: "x", count: 257)),
            "\u{202E}ved",
        ] {
            try await expectRefusal(.oidcNoUsername, "preferred_username") {
                $0.userInfo["preferred_username"] = .some(claim)
            }
        }
    }

    @Test("an address that the provider has not checked is no name")
    func email() async throws {
        for (isVerified, isAccepted) in [(true, true), (false, false)] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.person.isEmailVerified = isVerified
            try await Fixture.run(.code, behaviour) {
                $0.oidc.usernameField = "email"
            } _: { fixture async throws in
                let answer = try await fixture.run(try fixture.login())
                #expect(answer.name == (isAccepted ? "dev@example.org" : nil))
                #expect(fixture.hasLogged(.oidcNoUsername) != isAccepted)
            }
        }
    }

    @Test("scopes are demanded where that is configured")
    func scopes() async throws {
        for (granted, isEnforced, isAccepted) in [
            ("openid email", true, true), ("openid", true, false), ("openid", false, true),
        ] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.scope = granted
            try await Fixture.run(.code, behaviour) {
                $0.oidc.extraScopes = ["email"]
                $0.oidc.enforceScopes = isEnforced
            } _: { fixture async throws in
                let answer = try await fixture.run(try fixture.login())
                #expect((answer.name == "dev") == isAccepted)
                #expect(fixture.hasLogged(.oidcRequiredScopeNotGranted) != isAccepted)
            }
        }
    }

    @Test("a new key of the provider is fetched; a key that nobody knows not again and again")
    func rotation() async throws {
        try await Fixture.run(.code) { fixture async throws in
            let login = OAuth2Login(
                fixture.config,
                try OIDCProvider(fixture.config, keyPause: .zero, logger: fixture.logger),
                key: .init(size: .bits256),
                longestRound: .seconds(90),
                logger: fixture.logger
            )
            #expect(try await fixture.run(login).name == "dev")
            fixture.double.behave { $0.keys = SigningKeys(fresh: "new-") }
            #expect(try await fixture.run(login).name == "dev")
        }
        try await Fixture.run(.code) { fixture async throws in
            let login = try fixture.login()
            fixture.double.behave { $0.keyID = "nobody" }
            for _ in 0..<5 { #expect(try await fixture.run(login).name == nil) }
            #expect(fixture.stub.requests.count { $0.path == "/jwks" } == 1)
        }
    }

    @Test("what the provider says about itself is asked once")
    func cached() async throws {
        try await Fixture.run(.code) { fixture async throws in
            let login = try fixture.login()
            for _ in 0..<3 { #expect(try await fixture.run(login).name == "dev") }
            let asked = fixture.stub.requests.map(\.path)
            #expect(asked.count { $0.hasSuffix("openid-configuration") } == 1)
            #expect(asked.count { $0 == "/jwks" } == 1)
        }
    }
}
