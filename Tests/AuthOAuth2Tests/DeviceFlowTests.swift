import Logging
import SharedConfig
import InMemoryLogging
import Foundation
import ProviderDouble
import SharedMessages
import SharedModels
import StubHTTPServer
import Testing

@testable import AuthOAuth2

@Suite("The device flow", .timeLimit(.minutes(4)))
struct DeviceFlowTests {
    @Test("somebody who enters the code and says yes is let in with their name and claims")
    func accepted() async throws {
        try await Fixture.run { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer.name == "dev")
            #expect(answer.metadata["OIDC_TOKEN"]?.sensitive == true)
            #expect(answer.metadata["OIDC_TOKEN"]?.value.hasPrefix("access-") == true)
            #expect(
                answer.metadata["OIDC_USERINFO_EMAIL"] == MetadataValue("dev@example.org")
            )
            #expect(answer.metadata["OIDC_USERINFO_NONCE"] == nil)
            #expect(fixture.hasLogged(.authOAuth2Accepted))
            let asked = fixture.stub.requests.filter { $0.path == "/device" }
            #expect(asked.count == 1)
            #expect(asked.first?.body.contains("scope=openid") == true)
        }
    }

    @Test("the person is shown the address, the code, and a QR code with both")
    func shown() async throws {
        try await Fixture.run { fixture async throws in
            let round = try await fixture.round(try fixture.login())
            #expect(round.prompts.isEmpty)
            let code = try #require(fixture.double.openUserCodes.first)
            #expect(round.instruction.contains("enter the code:  \(code)\n"))
            #expect(round.instruction.contains("\n  \(fixture.url)/activate\n"))
            #expect(round.instruction.contains("/activate?user_code=\(code)\n"))
            #expect(round.instruction.contains("█"))
            #expect(round.fault == nil)
        }
    }

    @Test("a QR code is shown to the configured clients only")
    func qrCodeClients() async throws {
        for (patterns, version, isShown) in [
            ([], "SSH-2.0-OpenSSH_9.6", true), ([], "SSH-2.0-paramiko_3", false),
            (["PuTTY", "^SSH-2.0-Terminus$"], "SSH-2.0-PuTTY_0.81", true),
            (["PuTTY", "^SSH-2.0-Terminus$"], "SSH-2.0-OpenSSH_9.6", false),
        ] {
            try await Fixture.run(.device, .init()) {
                $0.qrCodeClients = patterns
            } _: { fixture async throws in
                let head = Fixture.head(version: version)
                let round = try await fixture.begin(try fixture.login(), head).round
                #expect(round?.instruction.contains("█") == isShown, "\(patterns) \(version)")
            }
        }
    }

    @Test("clients that are not for the device flow are asked for a code, if there is that flow")
    func deviceFlowClients() async throws {
        for (hasCode, version, isAsked) in [
            (true, "SSH-2.0-OpenSSH_9.6", false), (true, "SSH-2.0-paramiko_3", true),
            (false, "SSH-2.0-paramiko_3", false),
        ] {
            try await Fixture.run(.device, .init()) {
                $0.deviceFlowClients = ["OpenSSH"]
                $0.oidc.authorizationCodeFlow = hasCode
            } _: { fixture async throws in
                let head = Fixture.head(version: version)
                let round = try await fixture.begin(try fixture.login(), head).round
                #expect(round?.prompts.isEmpty == !isAsked, "\(hasCode) \(version)")
            }
        }
    }

    @Test("somebody who says no is refused")
    func denied() async throws {
        try await Fixture.run { fixture async throws in
            let answer = try await fixture.run(try fixture.login(), isAllowed: false)
            #expect(answer == .refused("The login was denied."))
            #expect(fixture.hasLogged(.authOAuth2Denied))
        }
    }

    @Test("while the person has not come, rounds without prompts go on")
    func pending() async throws {
        try await Fixture.run { fixture async throws in
            let login = try fixture.login(longestRound: .milliseconds(100))
            var round = try await fixture.round(login)
            while !fixture.hasLogged(.authOAuth2Pending) {
                let next = try await fixture.goOn(login, round.state).round
                round = try #require(next)
                #expect(round.prompts.isEmpty && round.instruction.isEmpty)
            }
            for code in fixture.double.openUserCodes { fixture.double.enter(code) }
            #expect(try await fixture.finish(login, .round(round)).name == "dev")
        }
    }

    @Test("a provider that wants fewer questions is asked less often")
    func slowDown() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.slowDowns = 1
        try await Fixture.run(.device, behaviour) { fixture async throws in
            let answer = try await fixture.run(try fixture.login())
            #expect(answer.name == "dev")
            let line = fixture.log.entries.first {
                $0.metadata["code"]
                    == .string(MessageCode.oauthDeviceFlowRateLimitExceeded.id)
            }
            #expect(line?.metadata["interval"] == "6")
        }
    }

    @Test("a code that has expired at the provider ends the login")
    func expired() async throws {
        try await Fixture.run { fixture async throws in
            fixture.double.behave {
                $0.answers["/token"] = .json(#"{"error":"expired_token"}"#, status: 400)
            }
            let answer = try await fixture.run(try fixture.login())
            #expect(answer == .refused("The time for logging in is over. Please try again."))
            #expect(fixture.hasLogged(.authOAuth2Timeout))
        }
    }

    @Test("a code's own time ends the login, although the provider says nothing")
    func late() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.deviceLifetime = 2
        behaviour.answers["/token"] = .json(#"{"error":"authorization_pending"}"#, status: 400)
        try await Fixture.run(.device, behaviour) { fixture async throws in
            let login = try fixture.login(longestRound: .milliseconds(200))
            let answer = try await fixture.finish(login, try await fixture.begin(login))
            #expect(answer == .refused("The time for logging in is over. Please try again."))
        }
    }

    @Test("a provider that fails for a while is asked again")
    func unreachable() async throws {
        try await Fixture.run { fixture async throws in
            let login = try fixture.login(longestRound: .milliseconds(200))
            fixture.double.behave { $0.answers["/token"] = .reply(status: 503) }
            var round = try await fixture.round(login)
            for code in fixture.double.openUserCodes { fixture.double.enter(code) }
            while !fixture.hasLogged(.oidcAccessTokenFetchFailed) {
                let next = try await fixture.goOn(login, round.state).round
                round = try #require(next)
            }
            fixture.double.behave { $0.answers = [:] }
            #expect(try await fixture.finish(login, .round(round)).name == "dev")
        }
    }

    @Test("where no code for the device flow can be had, the other flow takes its place")
    func fallback() async throws {
        var behaviour = ProviderDouble.Behaviour()
        behaviour.offersDevice = false
        try await Fixture.run(.device, behaviour) {
            $0.oidc.authorizationCodeFlow = true
        } _: { fixture async throws in
            #expect(try await fixture.run(try fixture.login()).name == "dev")
            #expect(fixture.hasLogged(.authOAuth2DeviceCodeFailed))
        }
        try await Fixture.run(.device, behaviour) { fixture async throws in
            let error = await #expect(throws: CodedError.self) {
                try await fixture.run(fixture.login())
            }
            #expect(error?.code == .authOAuth2DeviceCodeFailed)
        }
    }

    @Test("a step that is asked again is answered as before")
    func repeated() async throws {
        try await Fixture.run { fixture async throws in
            let login = try fixture.login(longestRound: .seconds(90))
            let round = try await fixture.round(login)
            for code in fixture.double.openUserCodes { fixture.double.enter(code) }
            let first = try await fixture.goOn(login, round.state)
            #expect(first.name == "dev")
            #expect(try await fixture.goOn(login, round.state) == first)
        }
    }

    @Test("another process with the same key goes on with a login")
    func elsewhere() async throws {
        try await Fixture.run { fixture async throws in
            let round = try await fixture.round(try fixture.login())
            for code in fixture.double.openUserCodes { fixture.double.enter(code) }
            let other = try fixture.login()
            #expect(try await fixture.finish(other, .round(round)).name == "dev")
        }
    }

    @Test("a login belongs to the connection and the name it was begun with")
    func bound() async throws {
        try await Fixture.run { fixture async throws in
            let login = try fixture.login()
            let round = try await fixture.round(login)
            for code in fixture.double.openUserCodes { fixture.double.enter(code) }
            for head in [Fixture.head(connection: "c2"), Fixture.head("root")] {
                let answer = try await fixture.goOn(login, round.state, [], head)
                #expect(answer.name == nil)
                #expect(fixture.hasLogged(.authOAuthStateMismatch))
            }
            for state in ["", "AAAA", String(round.state.dropLast(8)) + "AAAAAAA="] {
                #expect(try await fixture.goOn(login, state).name == nil)
            }
        }
    }

    @Test("wrong credentials of the client are named as such")
    func credentials() async throws {
        try await Fixture.run(.device, .init()) {
            $0.clientSecret = .init("wrong")
        } _: { fixture async throws in
            let error = await #expect(throws: CodedError.self) {
                try await fixture.run(fixture.login())
            }
            #expect(error?.code == .oauthIncorrectClientCredentials)
        }
    }

    @Test("neither secrets nor tokens are logged")
    func silence() async throws {
        for kind in Fixture.Kind.allCases {
            try await Fixture.run(kind) { fixture async throws in
                let answer = try await fixture.run(try fixture.login())
                #expect(answer.name == "dev")
                let names = ["OIDC_TOKEN", "GITHUB_TOKEN", "OAUTH2_TOKEN"]
                let found = names.compactMap { answer.metadata[$0]?.value }.first
                let token = try #require(found)
                #expect(!fixture.logText.contains(token))
                #expect(!fixture.logText.contains("s3cret"))
                #expect(!fixture.logText.contains("device-"))
                for request in fixture.stub.requests { #expect(!request.path.contains(token)) }
            }
        }
    }
}
