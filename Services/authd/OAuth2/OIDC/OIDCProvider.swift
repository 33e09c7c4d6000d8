import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels

/// A provider of OpenID Connect, found by its issuer.
struct OIDCProvider: OAuth2Provider {
    private let config: OIDCConfig
    private let clientID: String
    private let clientSecret: Secret
    private let http: ProviderHTTP
    private let discovery: Discovery
    private let keys: ProviderKeys

    var offersDevice: Bool { config.deviceFlow }
    var offersCode: Bool { config.authorizationCodeFlow }

    init(
        _ config: OAuth2Config,
        keyPause: Duration = .seconds(30),
        logger: Logger
    ) throws(CodedError) {
        self.config = config.oidc
        clientID = config.clientID
        clientSecret = config.clientSecret
        http = try ProviderHTTP(config.oidc.client, logger: logger)
        discovery = Discovery(issuer: config.oidc.client.url, http: http)
        keys = ProviderKeys(http: http, pause: keyPause)
    }

    private func endpoint(_ facts: ProviderFacts) -> TokenEndpoint {
        TokenEndpoint(
            http: http,
            clientID: clientID,
            clientSecret: clientSecret,
            failure: .oidcAccessTokenFetchFailed,
            usesBasic: facts.usesBasic
        )
    }

    private var scope: String {
        (["openid"] + config.extraScopes.filter { $0 != "openid" }).joined(separator: " ")
    }

    // MARK: - Flows

    func beginDevice() async throws -> DeviceGrant {
        let facts = try await discovery.facts()
        guard let url = facts.device else {
            throw CodedError(.authOAuth2DeviceCodeFailed, detail: "the provider has none")
        }
        do {
            return try await endpoint(facts).beginDevice(scope: scope, at: url)
        } catch let error as CodedError {
            throw error.inDeviceFlow
        }
    }

    func poll(_ grant: DeviceGrant) async throws -> DeviceAnswer {
        let facts = try await discovery.facts()
        return try await endpoint(facts).poll(grant, at: facts.token)
    }

    func authorizationURL(_ request: CodeRequest) async throws -> String {
        guard let url = try await discovery.facts().authorization else {
            throw CodedError(.oidcDiscoveryFailed, detail: "no authorization_endpoint")
        }
        let fields = request.fields(clientID, redirectURI: config.redirectURI)
        return url.adding(
            fields + [FormField("scope", scope), FormField("nonce", request.nonce)]
        )
    }

    func redeem(_ code: String, verifier: String) async throws -> TokenReply {
        let facts = try await discovery.facts()
        return try await endpoint(facts).redeem(
            code,
            verifier: verifier,
            redirectURI: config.redirectURI,
            at: facts.token
        )
    }

    // MARK: - Who it is

    func identity(
        _ token: TokenReply,
        nonce: String?,
        username: String
    ) async throws -> OAuth2Identity {
        try checkScopes(token)
        let facts = try await discovery.facts()
        let claims = try await idToken(token.idToken, nonce, facts)
        var info = claims.all
        var told = claims.all.filter { !Self.protocolClaims.contains($0.key) }
        if let url = facts.userInfo {
            let said = try await repeatedly { try await userInfo(url, token.accessToken) }
            // Somebody else's answer could have been put in its place (Core §5.3.2).
            guard said["sub"]?.text == claims.subject else {
                throw OAuth2Refusal(.oidcIDTokenInvalid, "userinfo of another subject")
            }
            info.merge(said) { $1 }
            told = said
        }
        let name = try name(in: info)
        if config.enforceUsername, name != username {
            throw OAuth2Refusal(.authOAuth2UserDoesNotMatch, name)
        }
        return OAuth2Identity(name: name, carried: carried(told, token.accessToken))
    }

    /// What an ID token says about itself and not about the person.
    private static let protocolClaims: Set<String> = [
        "iss", "aud", "azp", "nonce", "at_hash", "c_hash", "s_hash", "sid", "jti", "typ", "acr",
        "session_state",
    ]

    private func checkScopes(_ token: TokenReply) throws(OAuth2Refusal) {
        guard config.enforceScopes, let granted = token.scopes else { return }
        for scope in config.extraScopes where !granted.contains(scope) {
            throw OAuth2Refusal(.oidcRequiredScopeNotGranted, scope)
        }
    }

    private func idToken(
        _ token: String,
        _ nonce: String?,
        _ facts: ProviderFacts
    ) async throws -> IDTokenClaims {
        guard let header = TokenHeader(of: token) else {
            throw OAuth2Refusal(
                .oidcIDTokenInvalid,
                token.isEmpty ? "none was sent" : "no token, or of an algorithm not accepted"
            )
        }
        let rules = IDTokenRules(issuer: facts.issuer, clientID: clientID, nonce: nonce)
        return try await rules.check(
            token,
            header,
            try await keys.keys(for: header, at: facts.keys),
            at: Int(Date.now.timeIntervalSince1970)
        )
    }

    private func userInfo(
        _ url: ProviderURL,
        _ token: String
    ) async throws -> [String: JSONValue] {
        do {
            let reply = try await http.get(url, bearer: token)
            guard reply.isSuccess else {
                throw CodedError(
                    .oidcUserInfoFetchFailed,
                    detail: "status \(reply.status)",
                    isRetryable: reply.status >= 500
                )
            }
            return try reply.decode([String: JSONValue].self)
        } catch let error as CodedError where error.code != .oidcUserInfoFetchFailed {
            throw CodedError(
                .oidcUserInfoFetchFailed,
                cause: error,
                isRetryable: error.isRetryable
            )
        }
    }

    private func name(in claims: [String: JSONValue]) throws(OAuth2Refusal) -> String {
        guard let name = claims[config.usernameField]?.text, OAuth2Identity.isUsable(name) else {
            throw OAuth2Refusal(.oidcNoUsername, config.usernameField)
        }
        // Anybody can claim an address that nobody has checked.
        if config.usernameField == "email", let isChecked = claims["email_verified"],
            isChecked != .bool(true), isChecked != .string("true")
        {
            throw OAuth2Refusal(.oidcNoUsername, "email is not verified")
        }
        return name
    }

    /// Bytes of all claims that are passed on.
    private static let mostClaims = 16 << 10

    /// As ContainerSSH has it: the token, and every claim that is a text.
    private func carried(_ claims: [String: JSONValue], _ token: String) -> ConnectionMetadata {
        var metadata = ["OIDC_TOKEN": MetadataValue(token, sensitive: true)]
        var room = Self.mostClaims
        for (name, value) in claims.sorted(by: { $0.key < $1.key }) {
            guard let text = value.text, name.utf8.count <= 64 else { continue }
            let size = name.utf8.count + text.utf8.count
            guard size <= room else { continue }
            room -= size
            metadata["OIDC_USERINFO_\(name.uppercased())"] = MetadataValue(text)
        }
        return ConnectionMetadata(metadata: metadata)
    }
}
