import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels

/// A provider that speaks OAuth 2.0 and nothing else: the name comes from its answer to the code,
/// or from an endpoint that tells who the token's owner is.
struct GenericProvider: OAuth2Provider {
    private let config: GenericOAuth2Config
    private let clientID: String
    private let endpoint: TokenEndpoint
    private let tokenURL: ProviderURL
    private let userInfoURL: ProviderURL?
    private let http: ProviderHTTP

    let offersDevice = false
    let offersCode = true

    init(_ config: OAuth2Config, logger: Logger) throws(CodedError) {
        self.config = config.generic
        clientID = config.clientID
        http = try ProviderHTTP(config.generic.tokenEndpoint, logger: logger)
        guard let url = ProviderURL(config.generic.tokenEndpoint.url) else {
            throw CodedError(.httpClientEncodeFailed, detail: "tokenEndpoint.url")
        }
        tokenURL = url
        userInfoURL = ProviderURL(config.generic.userInfoURL)
        endpoint = TokenEndpoint(
            http: http,
            clientID: clientID,
            clientSecret: config.clientSecret,
            failure: .authOAuth2TokenFailed
        )
    }

    func beginDevice() async throws -> DeviceGrant {
        throw CodedError(.authOAuth2DeviceCodeFailed, detail: "no device flow")
    }

    func poll(_ grant: DeviceGrant) async throws -> DeviceAnswer {
        throw CodedError(.authOAuth2DeviceCodeFailed, detail: "no device flow")
    }

    func authorizationURL(_ request: CodeRequest) async throws -> String {
        guard let url = ProviderURL(config.authorizeEndpointURL) else {
            throw CodedError(.httpClientEncodeFailed, detail: "authorizeEndpointURL")
        }
        var fields = request.fields(clientID, redirectURI: config.redirectURI)
        if !config.scopes.isEmpty {
            fields.append(FormField("scope", config.scopes.joined(separator: " ")))
        }
        return url.adding(fields)
    }

    func redeem(_ code: String, verifier: String) async throws -> TokenReply {
        try await endpoint.redeem(
            code,
            verifier: verifier,
            redirectURI: config.redirectURI,
            at: tokenURL
        )
    }

    func identity(
        _ token: TokenReply,
        nonce: String?,
        username: String
    ) async throws -> OAuth2Identity {
        guard let userInfoURL else { throw OAuth2Refusal(.authOAuth2NoUsername, "no userInfoURL") }
        let claims = try await repeatedly {
            try await self.claims(userInfoURL, token.accessToken)
        }
        guard case .string(let name)? = claims[config.usernameField],
            OAuth2Identity.isUsable(name)
        else { throw OAuth2Refusal(.authOAuth2NoUsername, config.usernameField) }
        if config.enforceUsername, name != username {
            throw OAuth2Refusal(.authOAuth2UserDoesNotMatch, name)
        }
        var carried = ConnectionMetadata()
        carried.metadata["OAUTH2_TOKEN"] = MetadataValue(token.accessToken, sensitive: true)
        return OAuth2Identity(name: name, carried: carried)
    }

    private func claims(_ url: ProviderURL, _ token: String) async throws -> [String: JSONValue] {
        do {
            let reply = try await http.get(url, bearer: token)
            guard reply.isSuccess else {
                throw CodedError(
                    .authOAuth2TokenFailed,
                    detail: "userInfoURL: status \(reply.status)",
                    isRetryable: reply.status >= 500
                )
            }
            return try reply.decode([String: JSONValue].self)
        } catch let error as CodedError where error.code != .authOAuth2TokenFailed {
            throw CodedError(
                .authOAuth2TokenFailed,
                detail: "userInfoURL",
                cause: error,
                isRetryable: error.isRetryable
            )
        }
    }
}

extension CodeRequest {
    /// The parameters of RFC 6749 §4.1.1 and RFC 7636 §4.3.
    func fields(_ clientID: String, redirectURI: String) -> [FormField] {
        var fields = [
            FormField("response_type", "code"), FormField("client_id", clientID),
            FormField("state", state),
            FormField("code_challenge", ProofKey.challenge(verifier)),
            FormField("code_challenge_method", "S256"),
        ]
        if !redirectURI.isEmpty { fields.append(FormField("redirect_uri", redirectURI)) }
        return fields
    }
}
