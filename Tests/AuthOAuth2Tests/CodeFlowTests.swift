import InMemoryLogging
import SharedModels
import Foundation
import ProviderDouble
import SharedConfig
import SharedMessages
import StubHTTPServer
import Testing

@testable import AuthOAuth2

@Suite("The login by code", .timeLimit(.minutes(4)))
struct CodeFlowTests {
    @Test("whoever pastes the code of the page is let in")
    func accepted() async throws {
        try await Fixture.run(.code) { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer.name == "dev")
            #expect(answer.metadata["OIDC_TOKEN"]?.sensitive == true)
            let token = fixture.stub.requests.filter { $0.path == "/token" }
            #expect(token.count == 1)
            #expect(token.first?.body.contains("code_verifier=") == true)
        }
    }

    @Test("the address has state, nonce and a proof key's challenge, none of them used twice")
    func address() async throws {
        try await Fixture.run(.code) { fixture async throws in
            var seen: Set<String> = []
            for _ in 0..<3 {
                let round = try await fixture.begin(try fixture.login()).round
                #expect(round?.prompts.map(\.prompt) == ["Code: "])
                #expect(round?.prompts.first?.echo == false)
                let address = try #require(round.flatMap(Fixture.address))
                let parts = try #require(URLComponents(string: address))
                let fields = Dictionary(
                    (parts.queryItems ?? []).map { ($0.name, $0.value ?? "") }
                ) { $1 }
                #expect(fields["response_type"] == "code")
                #expect(fields["client_id"] == ProviderDouble.clientID)
                #expect(fields["redirect_uri"] == ProviderDouble.redirectURI)
                #expect(fields["scope"] == "openid")
                #expect(fields["code_challenge_method"] == "S256")
                for name in ["state", "nonce", "code_challenge"] {
                    let value = try #require(fields[name])
                    #expect(value.count == 43)
                    #expect(seen.insert(value).inserted, "\(name)")
                }
            }
        }
    }

    @Test("the verifier and the challenge are those of RFC 7636")
    func proofKey() {
        // Its appendix B.
        let challenge = ProofKey.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        #expect(challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    }

    @Test("what is no code of this login is refused, and the provider is not asked")
    func otherState() async throws {
        try await Fixture.run(.code) { fixture async throws in
            let login = try fixture.login()
            let round = try await fixture.round(login)
            let other = try await fixture.round(login)
            let foreign = try fixture.pasted(other)
            let own = try fixture.pasted(round)
            let code = try #require(own.split(separator: "|").last)
            for pasted in [
                foreign, "", "|", String(code), "|\(code)", "x|\(code)",
                String(own.dropLast(code.count)),
                "\(own.dropLast(code.count))\u{202E}x",
            ] {
                let answer = try await fixture.goOn(login, round.state, [pasted])
                #expect(
                    answer == .refused("This is not the code of this login. Please try again."),
                    "\(pasted)"
                )
            }
            #expect(fixture.hasLogged(.authOAuthStateMismatch))
            #expect(!fixture.stub.requests.contains { $0.path == "/token" })
            #expect(try await fixture.goOn(login, round.state, [" \(own)\n"]).name == "dev")
        }
    }

    @Test("a code counts once")
    func replayed() async throws {
        try await Fixture.run(.code) { fixture async throws in
            let login = try fixture.login()
            let round = try await fixture.round(login)
            let pasted = try fixture.pasted(round)
            #expect(try await fixture.goOn(login, round.state, [pasted]).name == "dev")
            // Another process has to ask the provider, who knows.
            let answer = try await fixture.goOn(try fixture.login(), round.state, [pasted])
            #expect(answer == .refused("The code was not accepted. Please try again."))
            #expect(fixture.hasLogged(.authOAuth2CodeRefused))
        }
    }

    @Test("a token whose nonce is of another login is refused", arguments: [true, false])
    func nonce(isThere: Bool) async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.claims["nonce"] = isThere ? .some("other") : .some(nil)
        try await Fixture.run(.code, behaviour) { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer == .refused("The login could not be verified. Please try again."))
            #expect(fixture.logText.contains("other nonce"))
        }
    }

    @Test("the secret goes where the provider wants it")
    func clientAuthentication() async throws {
        for (methods, usesBasic) in [
            (nil, true), (["client_secret_basic", "client_secret_post"], true),
            (["client_secret_post"], false),
        ] as [([String]?, Bool)] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.clientAuthentication = methods
            try await Fixture.run(.code, behaviour) { fixture async throws in
                #expect(try await fixture.run(try fixture.login()).name == "dev")
                let request = try #require(fixture.stub.requests.last { $0.path == "/token" })
                #expect((request.headers["authorization"] != nil) == usesBasic)
                #expect(request.body.contains("client_secret") != usesBasic)
            }
        }
    }

    @Test("a generic provider's code lets in whom its endpoint names")
    func generic() async throws {
        try await Fixture.run(.generic) { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer.name == "dev")
            #expect(Set(answer.metadata.keys) == ["OAUTH2_TOKEN"])
            #expect(answer.metadata["OAUTH2_TOKEN"]?.sensitive == true)
        }
    }

    @Test("a generic provider that does not say who it is lets nobody in")
    func genericNameless() async throws {
        for change in [
            { $0.generic.userInfoURL = "" }, { $0.generic.usernameField = "nickname" },
        ] as [@Sendable (inout OAuth2Config) -> Void] {
            try await Fixture.run(.generic, .init(), change) { fixture async throws in
                #expect(try await fixture.run(try fixture.login()).name == nil)
                #expect(fixture.hasLogged(.authOAuth2NoUsername))
            }
        }
    }

    @Test("a generic provider that cannot tell fails with its own code")
    func genericFailure() async throws {
        for path in ["/token", "/userinfo"] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.answers[path] = .reply(status: 403, body: "<html>")
            try await Fixture.run(.generic, behaviour) { fixture async throws in
                let error = await #expect(throws: CodedError.self) {
                    try await fixture.run(try fixture.login())
                }
                #expect(error?.code == .authOAuth2TokenFailed, "\(path)")
            }
        }
    }

    @Test("the login name must be the provider's where that is demanded")
    func enforceUsername() async throws {
        for kind in [Fixture.Kind.device, .code, .generic] {
            for isDemanded in [true, false] {
                try await Fixture.run(kind, .init()) {
                    $0.oidc.enforceUsername = isDemanded
                    $0.generic.enforceUsername = isDemanded
                } _: { fixture async throws in
                    let answer = try await fixture.run(try fixture.login(), Fixture.head("root"))
                    #expect(answer.name == (isDemanded ? nil : "dev"))
                    #expect(fixture.hasLogged(.authOAuth2UserDoesNotMatch) == isDemanded)
                }
            }
        }
    }
}
