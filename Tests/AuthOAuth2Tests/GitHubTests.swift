import Logging
import InMemoryLogging
import SharedModels
import ProviderDouble
import SharedConfig
import SharedMessages
import StubHTTPServer
import Testing

@testable import AuthOAuth2

@Suite("GitHub", .timeLimit(.minutes(4)))
struct GitHubTests {
    private func outcome(
        _ username: String = "dev",
        _ behaviour: ProviderDouble.Behaviour = .init(),
        _ change: (inout GitHubConfig) -> Void
    ) async throws -> (answer: OAuth2Login.Answer, codes: Set<String>) {
        try await Fixture.run(.gitHub, behaviour) {
            change(&$0.github)
        } _: { fixture async throws in
            let answer = try await fixture.run(try fixture.login(), Fixture.head(username))
            let codes = fixture.log.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
            return (answer, Set(codes))
        }
    }

    @Test("somebody is let in by the device flow, with what GitHub says about them")
    func device() async throws {
        let (answer, _) = try await outcome { _ in }
        #expect(answer.name == "dev")
        #expect(answer.metadata["GITHUB_METHOD"] == .init("device"))
        #expect(answer.metadata["GITHUB_LOGIN"] == .init("dev", sensitive: true))
        #expect(answer.metadata["GITHUB_ID"] == .init("583231", sensitive: true))
        #expect(answer.metadata["GITHUB_EMAIL"]?.sensitive == true)
        #expect(answer.metadata["GITHUB_TOKEN"]?.sensitive == true)
        #expect(answer.metadata["GITHUB_COMPANY"] == nil)
    }

    @Test("where the device flow is switched off, by code")
    func code() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.answers["/login/device/code"] = .json(
            #"{"error":"device_flow_disabled"}"#,
            status: 400
        )
        let (answer, codes) = try await outcome("dev", behaviour) { _ in }
        #expect(answer.name == "dev")
        #expect(answer.metadata["GITHUB_METHOD"] == .init("authorization_code"))
        #expect(codes.contains(MessageCode.authOAuth2DeviceCodeFailed.id))
    }

    @Test("the name must be the one that was typed, unless that is switched off")
    func username() async throws {
        let (refused, codes) = try await outcome("root") { _ in }
        #expect(refused == .refused("Your name at GitHub is not the one you log in with."))
        #expect(codes.contains(MessageCode.githubUserDoesNotMatch.id))
        let (other, _) = try await outcome("root") { $0.enforceUsername = false }
        #expect(other.name == "dev")
    }

    @Test("only active members of the organization are let in, whatever scope was granted")
    func organization() async throws {
        for (membership, isMember) in [("active", true), ("pending", false), (nil, false)] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.person.organizations["acme"] = membership
            behaviour.person.organizations["other"] = "active"
            let (answer, codes) = try await outcome("dev", behaviour) {
                $0.requireOrgMembership = "acme"
            }
            #expect((answer.name == "dev") == isMember, "\(membership ?? "none")")
            #expect(codes.contains(MessageCode.githubNotInOrganization.id) != isMember)
        }
    }

    @Test("an organization that GitHub says nothing about lets nobody in")
    func organizationFailure() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.answers["/api/user/memberships/orgs/acme"] = .reply(status: 500)
        let error = await #expect(throws: CodedError.self) {
            try await outcome("dev", behaviour) { $0.requireOrgMembership = "acme" }
        }
        #expect(error?.code == .githubUserRequestFailed)
    }

    @Test("a second factor at GitHub is demanded where that is configured")
    func secondFactor() async throws {
        for (has, isDemanded, isAccepted) in [
            (true, true, true), (false, true, false), (false, false, true),
        ] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.person.hasTwoFactors = has
            let (answer, codes) = try await outcome("dev", behaviour) {
                $0.require2FA = isDemanded
            }
            #expect((answer.name == "dev") == isAccepted)
            #expect(codes.contains(MessageCode.github2FANotEnabled.id) != isAccepted)
        }
    }

    @Test("scopes that were asked for must be granted where that is configured")
    func scopes() async throws {
        for (granted, isAccepted) in [
            ("user:email,repo", true), ("user,repo", true), ("repo", false), ("", false),
        ] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.scope = granted
            let (answer, codes) = try await outcome("dev", behaviour) {
                $0.extraScopes = ["user:email", "repo"]
                $0.enforceScopes = true
            }
            #expect((answer.name == "dev") == isAccepted, "\(granted)")
            #expect(codes.contains(MessageCode.githubRequiredScopeNotGranted.id) != isAccepted)
        }
    }

    @Test("what GitHub needs to tell of membership and second factor is asked for")
    func askedScopes() async throws {
        try await Fixture.run(.gitHub, .init()) {
            $0.github.requireOrgMembership = "acme"
            $0.github.require2FA = true
            $0.github.extraScopes = ["repo"]
        } _: { fixture async throws in
            _ = try await fixture.begin(try fixture.login())
            let body = fixture.stub.requests.first { $0.path == "/login/device/code" }?.body
            #expect(body?.contains("scope=read%3Aorg%20read%3Auser%20repo") == true)
        }
    }

    @Test("errors with status 200 are errors")
    func errors() async throws {
        for (error, code) in [
            ("incorrect_client_credentials", MessageCode.oauthIncorrectClientCredentials),
            ("redirect_uri_mismatch", .githubAccessTokenFetchFailed),
        ] {
            var behaviour = ProviderDouble.Behaviour()
            behaviour.answers["/login/oauth/access_token"] = .json(#"{"error":"\#(error)"}"#)
            let failure = await #expect(throws: CodedError.self) {
                try await outcome("dev", behaviour) { _ in }
            }
            #expect(failure?.code == code)
        }
    }
}
