import AuthClient
import AuthOAuth2
import Crypto
import Foundation
import ProviderDouble
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Logins at a provider, and the users in the store", .timeLimit(.minutes(4)))
struct ProviderLoginTests {
    private struct Person {
        let fixture: Fixture
        let conversation: Conversation
        let double: ProviderDouble

        func step(_ step: KeyboardRequest.Step, as name: String) async throws -> KeyboardResponse {
            let head = request(name, .password([])).head
            return try await conversation.answer(KeyboardRequest(head: head, step: step))
        }

        /// Logs in at the provider; what comes next.
        func logIn(as name: String = "dev") async throws -> KeyboardResponse {
            var answer = try await step(.begin(devices: ""), as: name)
            while case .round(let round) = answer, round.prompts.isEmpty {
                for code in double.openUserCodes { double.enter(code) }
                answer = try await step(.answers([], state: round.state), as: name)
            }
            return answer
        }

        func verdict(as name: String = "dev") async throws -> AuthResponse? {
            guard case .verdict(let verdict) = try await logIn(as: name) else { return nil }
            return verdict
        }
    }

    /// `dev` of the provider is a user of that name, unless `user` is another.
    private func run(
        user: NewUser? = NewUser(name: "dev"),
        requireAccount: Bool = true,
        _ body: (Person) async throws -> Void
    ) async throws {
        try await ProviderDouble.run { url, double, _ in
            try await Fixture.run { fixture async throws in
                if let user { _ = try await fixture.administrator.add(user) }
                var config = AuthdOAuth2Config()
                config.requireAccount = requireAccount
                config.oauth2.provider = .oidc
                config.oauth2.clientID = ProviderDouble.clientID
                config.oauth2.clientSecret = Secret(ProviderDouble.clientSecret)
                config.oauth2.authTimeout = .seconds(600)
                config.oauth2.oidc.client.url = url
                config.oauth2.oidc.client.timeout = .seconds(90)
                config.oauth2.oidc.deviceFlow = true
                config.oauth2.oidc.usernameField = "preferred_username"
                let login = try OAuth2Login(
                    config.oauth2,
                    key: try await fixture.store.sealingKey(),
                    longestRound: .seconds(1),
                    logger: fixture.logger
                )
                let conversation = try await Conversation(
                    PasswordSources(store: fixture.store, hasher: fixture.hasher),
                    config: .init(),
                    provider: ProviderLogin(login, config, store: fixture.store),
                    logger: fixture.logger
                )
                try await body(
                    Person(fixture: fixture, conversation: conversation, double: double)
                )
            }
        }
    }

    @Test("whoever the provider names is that user, with the user's groups and the token")
    func accepted() async throws {
        let user = NewUser(name: "dev", groups: ["staff"])
        try await run(user: user) { person async throws in
            let verdict = try #require(try await person.verdict())
            #expect(verdict.success)
            #expect(verdict.authenticatedUsername == "dev")
            #expect(verdict.carried.metadata["groups"] == MetadataValue("staff"))
            #expect(verdict.carried.metadata["OIDC_TOKEN"]?.sensitive == true)
            #expect(person.fixture.logText.contains("AUTHD_ACCEPTED"))
        }
    }

    @Test("whom nobody here knows is refused, and not told why")
    func unknown() async throws {
        try await run(user: nil) { person async throws in
            let verdict = try #require(try await person.verdict())
            #expect(verdict == AuthResponse(success: false))
            #expect(person.fixture.logText.contains("unknown user"))
        }
    }

    @Test("where no account is needed, the provider's word is enough, but for no user's name")
    func withoutAccount() async throws {
        try await run(user: NewUser(name: "root"), requireAccount: false) { person async throws in
            #expect(try await person.verdict()?.authenticatedUsername == "dev")
            #expect(try await person.verdict(as: "root")?.success == false)
        }
    }

    @Test("disabled and expired users are refused", arguments: [true, false])
    func closed(isDisabled: Bool) async throws {
        try await run(requireAccount: false) { person async throws in
            let change = UserChange(
                disabled: isDisabled ? true : nil,
                expires: isDisabled ? nil : "2001-01-01"
            )
            _ = try await person.fixture.administrator.change("dev", change)
            #expect(try await person.verdict()?.success == false)
            let reason = isDisabled ? "user is disabled" : "account has expired"
            #expect(person.fixture.logText.contains(reason))
        }
    }

    @Test("another login name needs the right to it")
    func loginNames() async throws {
        try await run(user: NewUser(name: "dev", loginNames: ["deploy"])) { person async throws in
            #expect(try await person.verdict(as: "deploy")?.authenticatedUsername == "dev")
            #expect(try await person.verdict(as: "root")?.success == false)
            #expect(person.fixture.logText.contains("not allowed under this name"))
        }
    }

    @Test("the code of an app is asked for after the provider, also under another login name")
    func secondFactor() async throws {
        try await run(user: NewUser(name: "dev", loginNames: ["deploy"])) { person async throws in
            let secret = Array("12345678901234567890".utf8)
            try await person.fixture.store.enrolTOTP("dev", secret: secret, recoveryCodes: [])
            let now = Int(Date.now.timeIntervalSince1970)
            let enrolled = TOTP.code(secret, step: TOTP.step(at: now))
            try await person.fixture.administrator.confirmTOTP("dev", enrolled, skew: 1)

            guard case .round(let round) = try await person.logIn(as: "deploy") else {
                Issue.record("let in without the code")
                return
            }
            #expect(round.prompts.map(\.prompt) == ["Code of your app: "])
            func answer(_ code: String, as name: String) async throws -> KeyboardResponse {
                let answers = [Array(code.utf8)]
                return try await person.step(.answers(answers, state: round.state), as: name)
            }
            #expect(
                try await answer("000000", as: "deploy") == .verdict(AuthResponse(success: false))
            )
            let later = Int(Date.now.timeIntervalSince1970)
            let right = TOTP.code(secret, step: TOTP.step(at: later) + 1)
            #expect(try await answer(right, as: "root") == .verdict(AuthResponse(success: false)))
            guard case .verdict(let verdict) = try await answer(right, as: "deploy") else {
                Issue.record("another round")
                return
            }
            #expect(verdict.authenticatedUsername == "dev")
            #expect(verdict.carried.metadata["OIDC_TOKEN"]?.sensitive == true)
        }
    }

    @Test("a password is not asked for in the provider's place")
    func noPassword() async throws {
        try await run(user: NewUser(name: "dev", passwordBase64: base64("pw"))) {
            person async throws in
            guard case .round(let round) = try await person.step(.begin(devices: ""), as: "dev")
            else {
                Issue.record("no round")
                return
            }
            let answer = try await person.step(
                .answers([Array("pw".utf8)], state: round.state),
                as: "dev"
            )
            if case .verdict(let verdict) = answer { #expect(!verdict.success) }
        }
    }
}
