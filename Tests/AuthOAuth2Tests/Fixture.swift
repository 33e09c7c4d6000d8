import Crypto
import InMemoryLogging
import Logging
import ProviderDouble
import SharedConfig
import SharedMessages
import SharedModels
import StubHTTPServer
import Testing

@testable import AuthOAuth2

/// A login at the provider double, with the steps a client would take.
struct Fixture {
    enum Kind: CaseIterable {
        case device
        case code
        case gitHub
        case generic
    }

    let url: String
    let double: ProviderDouble
    let stub: StubHTTPServer
    let log = InMemoryLogHandler()
    let config: OAuth2Config

    static func run<Result>(
        _ kind: Kind = .device,
        _ behaviour: ProviderDouble.Behaviour = .init(),
        _ change: (inout OAuth2Config) -> Void = { _ in },
        _ body: (Fixture) async throws -> Result
    ) async throws -> Result {
        try await ProviderDouble.run(behaviour) { url, double, stub in
            var config = Self.config(kind, url)
            change(&config)
            return try await body(Fixture(url: url, double: double, stub: stub, config: config))
        }
    }

    private init(url: String, double: ProviderDouble, stub: StubHTTPServer, config: OAuth2Config) {
        self.url = url
        self.double = double
        self.stub = stub
        self.config = config
    }

    private static func config(_ kind: Kind, _ url: String) -> OAuth2Config {
        var config = OAuth2Config()
        config.clientID = ProviderDouble.clientID
        config.clientSecret = Secret(ProviderDouble.clientSecret)
        config.authTimeout = .seconds(600)
        config.oidc.client.url = url
        config.oidc.client.timeout = .seconds(90)
        config.oidc.redirectURI = ProviderDouble.redirectURI
        config.oidc.usernameField = "preferred_username"
        config.oidc.deviceFlow = kind == .device
        config.oidc.authorizationCodeFlow = kind == .code
        config.github.client.url = url
        config.github.client.timeout = .seconds(90)
        config.github.apiURL = url + "/api"
        config.generic.authorizeEndpointURL = url + "/authorize"
        config.generic.tokenEndpoint.url = url + "/token"
        config.generic.tokenEndpoint.timeout = .seconds(90)
        config.generic.redirectURI = ProviderDouble.redirectURI
        config.generic.userInfoURL = url + "/userinfo"
        config.generic.usernameField = "preferred_username"
        config.provider =
            switch kind {
            case .device, .code: .oidc
            case .gitHub: .github
            case .generic: .generic
            }
        return config
    }

    var logger: Logger {
        var logger = Logger(label: "oauth2") { [log] _ in log }
        logger.logLevel = .debug
        return logger
    }

    /// Every log line with its metadata.
    var logText: String {
        log.entries.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
    }

    func hasLogged(_ code: MessageCode) -> Bool {
        log.entries.contains { $0.metadata["code"] == .string(code.id) }
    }

    func login(longestRound: Duration = .seconds(1)) throws -> OAuth2Login {
        try OAuth2Login(
            config,
            key: SymmetricKey(data: [UInt8](repeating: 7, count: 32)),
            longestRound: longestRound,
            logger: logger
        )
    }

    static func head(
        _ username: String = "dev",
        connection: String = "c1",
        version: String = "SSH-2.0-OpenSSH_9.6"
    ) -> AuthRequestHead {
        AuthRequestHead(
            remoteAddress: "203.0.113.7:1",
            connectionID: connection,
            clientVersion: version,
            username: username
        )
    }

    // MARK: - Steps

    /// Answers rounds without prompts, as clients do, until one has something to show.
    func begin(
        _ login: OAuth2Login,
        _ head: AuthRequestHead = Fixture.head()
    ) async throws -> OAuth2Login.Answer {
        var answer = try await login.answer(
            KeyboardRequest(head: head, step: .begin(devices: ""))
        )
        while case .round(let round) = answer, round.instruction.isEmpty {
            answer = try await goOn(login, round.state, [], head)
        }
        return answer
    }

    func goOn(
        _ login: OAuth2Login,
        _ state: String,
        _ answers: [String] = [],
        _ head: AuthRequestHead = Fixture.head()
    ) async throws -> OAuth2Login.Answer {
        let step = KeyboardRequest.Step.answers(answers.map { Array($0.utf8) }, state: state)
        return try await login.answer(KeyboardRequest(head: head, step: step))
    }

    /// Goes on until there is more than to wait.
    func finish(
        _ login: OAuth2Login,
        _ answer: OAuth2Login.Answer,
        _ head: AuthRequestHead = Fixture.head()
    ) async throws -> OAuth2Login.Answer {
        var answer = answer
        while case .round(let round) = answer, round.prompts.isEmpty {
            answer = try await goOn(login, round.state, [], head)
        }
        return answer
    }

    /// A whole login in which the person does what they are told.
    func run(
        _ login: OAuth2Login,
        _ head: AuthRequestHead = Fixture.head(),
        isAllowed: Bool = true
    ) async throws -> OAuth2Login.Answer {
        let answer = try await begin(login, head)
        guard case .round(let round) = answer else { return answer }
        guard !round.prompts.isEmpty else {
            for code in double.openUserCodes { double.enter(code, isAllowed: isAllowed) }
            return try await finish(login, answer, head)
        }
        let next = try await goOn(login, round.state, [try pasted(round)], head)
        return try await finish(login, next, head)
    }

    /// The first round that has something to show.
    func round(_ login: OAuth2Login) async throws -> KeyboardRound {
        let answer = try await begin(login)
        return try #require(answer.round)
    }

    /// The person logs in at the address of the round, and copies what the page shows.
    func pasted(_ round: KeyboardRound) throws -> String {
        let address = try #require(Self.address(in: round))
        return try #require(double.pasted(address))
    }

    /// The first address that the person is shown.
    static func address(in round: KeyboardRound) -> String? {
        round.instruction.split(whereSeparator: \.isWhitespace).map(String.init)
            .first { $0.hasPrefix("http") }
    }
}

extension OAuth2Login.Answer {
    var name: String? {
        guard case .proven(let identity) = self else { return nil }
        return identity.name
    }

    var metadata: [String: MetadataValue] {
        guard case .proven(let identity) = self else { return [:] }
        return identity.carried.metadata
    }

    var round: KeyboardRound? {
        guard case .round(let round) = self else { return nil }
        return round
    }
}
