import Foundation
package import StubHTTPServer
import Synchronization

/// A provider of OpenID Connect and a GitHub in one, on a real socket: discovery, keys, device
/// flow, authorization by code with a proof key, tokens, userinfo, and GitHub's addresses.
///
/// It speaks the protocols as they are written, unless it is told to misbehave.
package final class ProviderDouble: Sendable {
    package static let clientID = "berth"
    package static let clientSecret = "s3cret/+ &"
    package static let redirectURI = "http://localhost:8080/"

    /// Somebody who can log in at the provider.
    package struct Person: Sendable {
        package var subject = "subject-1"
        package var login = "dev"
        package var email = "dev@example.org"
        package var isEmailVerified = true
        package var hasTwoFactors = true
        /// Organizations with the state of membership.
        package var organizations: [String: String] = [:]

        package init() {}
    }

    /// How it behaves; the defaults are those of an honest provider.
    package struct Behaviour: Sendable {
        package var person = Person()
        /// Answers of whole paths, in the place of the real ones.
        package var answers: [String: StubAnswer] = [:]
        package var keys = SigningKeys()
        /// With which key, and how, ID tokens are signed.
        package var algorithm = SigningKeys.Algorithm.rs256
        package var keyID: String?
        /// Claims of ID tokens that replace the right ones; `nil` takes a claim away.
        package var claims: [String: Claim?] = [:]
        /// The same of userinfo.
        package var userInfo: [String: Claim?] = [:]
        package var issuer: String?
        package var scope: String?
        package var sendsIDToken = true
        package var deviceLifetime = 600
        package var deviceInterval = 1
        /// How many questions are answered with `slow_down`, before any other answer.
        package var slowDowns = 0
        package var offersDevice = true
        /// For `token_endpoint_auth_methods_supported`.
        package var clientAuthentication: [String]?
        package var completeURL = true

        package init() {}
    }

    struct Device {
        var userCode: String
        var until: Date
        var decision: Bool?
        var scope: String
    }

    struct Code {
        var challenge: String?
        var nonce: String?
        var redirectURI: String?
        var scope: String
    }

    struct State {
        var behaviour = Behaviour()
        var devices: [String: Device] = [:]
        var codes: [String: Code] = [:]
        var tokens: Set<String> = []
        var count = 0
    }

    let state = Mutex(State())
    private let url = Mutex("")

    private init() {}

    /// Runs `body` with the provider and its URL, which is also its issuer.
    package static func run<Result>(
        _ behaviour: Behaviour = Behaviour(),
        _ body: (String, ProviderDouble, StubHTTPServer) async throws -> Result
    ) async throws -> Result {
        let double = ProviderDouble()
        double.state.withLock { $0.behaviour = behaviour }
        return try await StubHTTPServer.run { request, _ in
            double.answer(request)
        } _: { url, stub in
            double.url.withLock { $0 = url }
            return try await body(url, double, stub)
        }
    }

    /// Changes how it behaves from now on.
    package func behave(_ change: (inout Behaviour) -> Void) {
        state.withLock { change(&$0.behaviour) }
    }

    // MARK: - The person in front of the browser

    /// The person enters the code that the terminal shows, and says yes or no; `false` for a code
    /// that the provider did not give.
    @discardableResult
    package func enter(_ userCode: String, isAllowed: Bool = true) -> Bool {
        state.withLock { state in
            guard let code = state.devices.first(where: { $0.value.userCode == userCode })?.key
            else { return false }
            state.devices[code]?.decision = isAllowed
            return true
        }
    }

    /// The codes that wait for a person.
    package var openUserCodes: [String] {
        state.withLock { $0.devices.values.filter { $0.decision == nil }.map(\.userCode) }
    }

    /// The person opens the address and logs in; where their browser is sent back to.
    package func logIn(at address: String) -> String? {
        guard let parts = URLComponents(string: address) else { return nil }
        let query = parts.percentEncodedQuery ?? ""
        guard ["/authorize", "/login/oauth/authorize"].contains(parts.path),
            case .reply(302, let headers, _) = authorize(Self.form(query))
        else { return nil }
        return headers["Location"]
    }

    /// What the redirect page shows for the place that `logIn` leads to: `state|code`.
    package func pasted(_ address: String) -> String? {
        guard let place = logIn(at: address), let parts = URLComponents(string: place) else {
            return nil
        }
        func value(_ name: String) -> String {
            parts.queryItems?.first { $0.name == name }?.value ?? ""
        }
        return "\(value("state"))|\(value("code"))"
    }

    // MARK: - Its address

    func base(_ request: StubRequest) -> String {
        request.headers["host"].map { "http://\($0)" } ?? url.withLock { $0 }
    }
}

/// A claim of a token.
package enum Claim: Sendable, Encodable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    case text(String)
    case number(Int)
    case truth(Bool)
    case list([String])

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .truth(value) }

    package func encode(to encoder: any Encoder) throws {
        var box = encoder.singleValueContainer()
        switch self {
        case .text(let text): try box.encode(text)
        case .number(let number): try box.encode(number)
        case .truth(let truth): try box.encode(truth)
        case .list(let list): try box.encode(list)
        }
    }
}
