import SharedConfig
import SharedModels
import Foundation
import ProviderDouble
import SharedMessages
import StubHTTPServer
import Testing

@testable import AuthOAuth2

@Suite("Providers that answer nonsense", .timeLimit(.minutes(4)))
struct HostileProviderTests {
    /// Logs in by code, and expects that it cannot be decided, with this code.
    private func expectFailure(
        _ code: MessageCode,
        _ path: String,
        _ answer: StubAnswer,
        kind: Fixture.Kind = .code
    ) async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.answers[path] = answer
        try await Fixture.run(kind, behaviour) {
            $0.oidc.client.timeout = .seconds(2)
            $0.github.client.timeout = .seconds(2)
        } _: { fixture async throws in
            let error = await #expect(throws: CodedError.self, "\(path) \(answer)") {
                try await fixture.run(try fixture.login())
            }
            #expect(error?.code == code, "\(path): \(error.map { "\($0)" } ?? "")")
        }
    }

    private static let discovery = "/.well-known/openid-configuration"

    /// Status, type, size and end of an answer, each of them wrong once.
    private static let nonsense: [StubAnswer] = [
        .reply(status: 500), .reply(status: 404), .reply(status: 200, body: "<html>Log in</html>"),
        .reply(status: 302, headers: ["Location": "http://127.0.0.1:1/"]), .json("[]"), .json("{"),
        .hangUp, .cut(announced: 1000, body: "{"), .flood(count: 2000, size: 4096),
    ]

    @Test("its description", arguments: nonsense)
    func describing(_ answer: StubAnswer) async throws {
        try await expectFailure(.oidcDiscoveryFailed, Self.discovery, answer)
    }

    @Test("its keys", arguments: nonsense)
    func keys(_ answer: StubAnswer) async throws {
        try await expectFailure(.oidcKeysFailed, "/jwks", answer)
    }

    @Test("its tokens", arguments: nonsense)
    func tokens(_ answer: StubAnswer) async throws {
        try await expectFailure(.oidcAccessTokenFetchFailed, "/token", answer)
    }

    @Test("its words about somebody", arguments: nonsense)
    func userInfo(_ answer: StubAnswer) async throws {
        try await expectFailure(.oidcUserInfoFetchFailed, "/userinfo", answer)
    }

    @Test("GitHub's words about somebody", arguments: nonsense)
    func gitHub(_ answer: StubAnswer) async throws {
        try await expectFailure(.githubUserRequestFailed, "/api/user", answer, kind: .gitHub)
    }

    @Test("silence ends with the time for a call")
    func silence() async throws {
        try await expectFailure(.oidcDiscoveryFailed, Self.discovery, .silence)
    }

    @Test("a step does not take longer than it may, however slow the provider is")
    func slow() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.answers[Self.discovery] = .silence
        try await Fixture.run(.code, behaviour) { fixture async throws in
            let login = try fixture.login(longestRound: .milliseconds(100))
            let head = Fixture.head()
            let answer = try await login.answer(.init(head: head, step: .begin(devices: "")))
            let round = try #require(answer.round)
            #expect(round.prompts.isEmpty && round.instruction.isEmpty)
        }
    }

    @Test("a description of another issuer, or with addresses of no use, does not count")
    func issuer() async throws {
        func facts(_ change: (inout [String: String]) -> Void) throws -> StubAnswer {
            var facts = [
                "issuer": "http://else.example", "token_endpoint": "http://else.example/t",
                "jwks_uri": "http://else.example/k",
            ]
            change(&facts)
            return .json(String(decoding: try JSONEncoder().encode(facts), as: UTF8.self))
        }
        try await expectFailure(.oidcDiscoveryFailed, Self.discovery, try facts { _ in })
        var behaviour = ProviderDouble.Behaviour()
        behaviour.issuer = "https://else.example"
        try await Fixture.run(.code, behaviour) { fixture async throws in
            let error = await #expect(throws: CodedError.self) {
                try await fixture.run(try fixture.login())
            }
            #expect(error?.code == .oidcDiscoveryFailed)
            #expect(error?.detail.contains("else.example") == true)
        }
    }

    @Test("what must not reach a terminal, does not")
    func terminal() async throws {
        for (user, place) in [
            (#"AB\u001b[2J"#, "http://a.example/"), ("ABCD", "javascript:alert(1)"),
            ("ABCD", #"http://a.example/\u001b]0;x"#), ("", "http://a.example/"),
            (String(repeating: "A", count: 65), "http://a.example/"),
            ("ABCD", "http://user:password@a.example/"),
        ] {
            let body = #"""
                {"device_code":"d","user_code":"\#(user)","verification_uri":"\#(place)",
                "expires_in":600}
                """#
            try await expectFailure(
                .authOAuth2DeviceCodeFailed,
                "/device",
                .json(body),
                kind: .device
            )
        }
    }

    @Test("tokens of other types, or that no header can hold, are of no use")
    func oddTokens() async throws {
        for body in [
            #"{"access_token":"","token_type":"bearer"}"#,
            #"{"access_token":"x","token_type":"mac"}"#,
            #"{"access_token":"x\r\nHost: y","token_type":"bearer"}"#,
            #"{"access_token":"\#(String(repeating: "x", count: 40_000))","token_type":"bearer"}"#,
        ] {
            try await expectFailure(.oidcAccessTokenFetchFailed, "/token", .json(body))
        }
    }
}
