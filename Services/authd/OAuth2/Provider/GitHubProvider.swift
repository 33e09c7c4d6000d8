import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels

/// github.com, or a GitHub Enterprise Server.
struct GitHubProvider: OAuth2Provider {
    private let config: GitHubConfig
    private let clientID: String
    private let http: ProviderHTTP
    private let endpoint: TokenEndpoint
    private let deviceURL: ProviderURL
    private let authorizeURL: ProviderURL
    private let tokenURL: ProviderURL
    private let api: String

    let offersDevice = true
    let offersCode = true

    init(_ config: OAuth2Config, logger: Logger) throws(CodedError) {
        self.config = config.github
        clientID = config.clientID
        http = try ProviderHTTP(config.github.client, logger: logger)
        let site = config.github.client.url.withoutSlash
        api = config.github.apiURL.withoutSlash
        guard let device = ProviderURL(site + "/login/device/code"),
            let authorize = ProviderURL(site + "/login/oauth/authorize"),
            let token = ProviderURL(site + "/login/oauth/access_token")
        else { throw CodedError(.httpClientEncodeFailed, detail: "github.url") }
        deviceURL = device
        authorizeURL = authorize
        tokenURL = token
        endpoint = TokenEndpoint(
            http: http,
            clientID: clientID,
            clientSecret: config.clientSecret,
            failure: .githubAccessTokenFetchFailed
        )
    }

    /// What is asked for: what the configured checks need, and the rest.
    private var scopes: [String] {
        var scopes: [String] = []
        if !config.requireOrgMembership.isEmpty { scopes.append("read:org") }
        if config.require2FA { scopes.append("read:user") }
        return scopes + config.extraScopes.filter { !scopes.contains($0) }
    }

    // MARK: - Flows

    func beginDevice() async throws -> DeviceGrant {
        do {
            return try await endpoint.beginDevice(
                scope: scopes.joined(separator: " "),
                at: deviceURL
            )
        } catch let error as CodedError {
            throw error.inDeviceFlow
        }
    }

    func poll(_ grant: DeviceGrant) async throws -> DeviceAnswer {
        switch try await endpoint.poll(grant, at: tokenURL) {
        case .token(var token):
            token.isOfDeviceFlow = true
            return .token(token)
        case .pending: return .pending
        case .slowDown(let interval): return .slowDown(interval)
        }
    }

    func authorizationURL(_ request: CodeRequest) async throws -> String {
        var fields = request.fields(clientID, redirectURI: "")
        if !scopes.isEmpty { fields.append(FormField("scope", scopes.joined(separator: " "))) }
        return authorizeURL.adding(fields)
    }

    func redeem(_ code: String, verifier: String) async throws -> TokenReply {
        try await endpoint.redeem(code, verifier: verifier, redirectURI: "", at: tokenURL)
    }

    // MARK: - Who it is

    func identity(
        _ token: TokenReply,
        nonce: String?,
        username: String
    ) async throws -> OAuth2Identity {
        try checkScopes(token.scopes ?? Set(scopes))
        let user = try await repeatedly { try await self.user(token.accessToken) }
        guard OAuth2Identity.isUsable(user.login) else {
            throw CodedError(.githubUserRequestFailed, detail: "a login of no use")
        }
        if config.enforceUsername, user.login != username {
            throw OAuth2Refusal(.githubUserDoesNotMatch, user.login)
        }
        if config.require2FA, user.hasTwoFactors != true {
            throw OAuth2Refusal(.github2FANotEnabled, user.login)
        }
        if !config.requireOrgMembership.isEmpty {
            let isMember = try await repeatedly { try await self.isMember(token.accessToken) }
            guard isMember else { throw OAuth2Refusal(.githubNotInOrganization, user.login) }
        }
        return OAuth2Identity(
            name: user.login,
            carried: ConnectionMetadata(metadata: user.metadata(token))
        )
    }

    private func checkScopes(_ granted: Set<String>) throws(OAuth2Refusal) {
        var needed: [String] = config.enforceScopes ? config.extraScopes : []
        if !config.requireOrgMembership.isEmpty,
            granted.isDisjoint(with: ["read:org", "write:org", "admin:org", "org"])
        {
            needed.append("read:org")
        }
        if config.require2FA, granted.isDisjoint(with: ["read:user", "user"]) {
            needed.append("read:user")
        }
        for scope in needed {
            // `user` grants `user:email`.
            let whole = scope.split(separator: ":").first.map(String.init) ?? scope
            guard granted.contains(scope) || granted.contains(whole) else {
                throw OAuth2Refusal(.githubRequiredScopeNotGranted, scope)
            }
        }
    }

    private func user(_ token: String) async throws -> GitHubUser {
        let reply = try await get("/user", token)
        guard reply.isSuccess else { throw failed("/user", reply) }
        do {
            return try reply.decode(GitHubUser.self)
        } catch {
            throw CodedError(.githubUserRequestFailed, detail: "/user", cause: error)
        }
    }

    /// Asks GitHub, as a granted scope says nothing about who is a member.
    private func isMember(_ token: String) async throws -> Bool {
        struct Membership: Decodable {
            let state: String
        }
        let path = "/user/memberships/orgs/\(Form.escape(config.requireOrgMembership))"
        let reply = try await get(path, token)
        switch reply.status {
        case 200:
            do {
                // An invitation that was not taken up is `pending`.
                return try reply.decode(Membership.self).state == "active"
            } catch {
                throw CodedError(.githubUserRequestFailed, detail: "membership", cause: error)
            }
        case 403, 404: return false
        default: throw failed("membership", reply)
        }
    }

    private func get(_ path: String, _ token: String) async throws -> HTTPReply {
        guard let url = ProviderURL(api + path) else {
            throw CodedError(.githubUserRequestFailed, detail: "apiurl")
        }
        do {
            return try await http.get(url, bearer: token)
        } catch let error as CodedError {
            throw CodedError(
                .githubUserRequestFailed,
                cause: error,
                isRetryable: error.isRetryable
            )
        }
    }

    private func failed(_ what: String, _ reply: HTTPReply) -> CodedError {
        CodedError(
            .githubUserRequestFailed,
            detail: "\(what): status \(reply.status)",
            isRetryable: reply.status >= 500
        )
    }
}

private struct GitHubUser: Decodable {
    let login: String
    let hasTwoFactors: Bool?
    private let facts: [String: JSONValue]

    init(from decoder: any Decoder) throws {
        let facts = try [String: JSONValue](from: decoder)
        guard let login = facts["login"]?.text else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no login")
            )
        }
        self.login = login
        self.facts = facts
        hasTwoFactors = facts["two_factor_authentication"].map { $0 == .bool(true) }
    }

    private static let names = [
        "GITHUB_LOGIN": "login", "GITHUB_ID": "id", "GITHUB_NODE_ID": "node_id",
        "GITHUB_NAME": "name", "GITHUB_AVATAR_URL": "avatar_url", "GITHUB_BIO": "bio",
        "GITHUB_COMPANY": "company", "GITHUB_EMAIL": "email", "GITHUB_BLOG_URL": "blog",
        "GITHUB_LOCATION": "location", "GITHUB_TWITTER_USERNAME": "twitter_username",
        "GITHUB_PROFILE_URL": "html_url",
    ]

    /// As ContainerSSH has it; what the user has not filled in is left out.
    func metadata(_ token: TokenReply) -> [String: MetadataValue] {
        var metadata = [
            "GITHUB_METHOD": MetadataValue(
                token.isOfDeviceFlow ? "device" : "authorization_code"
            ),
            "GITHUB_TOKEN": MetadataValue(token.accessToken, sensitive: true),
        ]
        for (name, key) in Self.names {
            switch facts[key] {
            case .string(let text):
                metadata[name] = MetadataValue(String(text.prefix(4096)), sensitive: true)
            case .number(let number):
                metadata[name] = MetadataValue("\(Int64(exactly: number) ?? 0)", sensitive: true)
            case .bool, .other, nil: break
            }
        }
        return metadata
    }
}

extension CodedError {
    /// The device flow that could not be begun, with what was the matter.
    var inDeviceFlow: CodedError {
        // Wrong credentials are wrong for every flow.
        guard code != .oauthIncorrectClientCredentials else { return self }
        return CodedError(
            .authOAuth2DeviceCodeFailed,
            cause: self,
            isRetryable: isRetryable
        )
    }
}

extension String {
    /// Without slashes at the end.
    var withoutSlash: String {
        var text = self
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }
}
