import Foundation
import SharedHTTP
import SharedMessages
import Synchronization

/// What a provider says about itself (OpenID Connect Discovery 1.0 §3), as far as it is used.
struct ProviderFacts: Sendable, Hashable {
    var issuer: String
    var authorization: ProviderURL?
    var token: ProviderURL
    var device: ProviderURL?
    var userInfo: ProviderURL?
    var keys: ProviderURL
    /// Whether the client secret goes into the header `Authorization`.
    var usesBasic: Bool
}

/// Asks for the facts and keeps them for a while.
actor Discovery {
    private let issuer: String
    private let http: ProviderHTTP
    private let maximumAge: Duration
    private var known: (facts: ProviderFacts, at: ContinuousClock.Instant)?

    init(issuer: String, http: ProviderHTTP, maximumAge: Duration = .seconds(3600)) {
        self.issuer = issuer.withoutSlash
        self.http = http
        self.maximumAge = maximumAge
    }

    /// Throws `OIDC_DISCOVERY_FAILED`. Facts that are too old still count while the provider does
    /// not tell newer ones.
    func facts() async throws -> ProviderFacts {
        if let known, ContinuousClock.now - known.at < maximumAge { return known.facts }
        do {
            let facts = try await repeatedly { try await self.ask() }
            known = (facts, .now)
            return facts
        } catch let error as CodedError where error.isRetryable {
            guard let known else { throw error }
            return known.facts
        }
    }

    private func ask() async throws -> ProviderFacts {
        guard let url = ProviderURL(issuer + "/.well-known/openid-configuration") else {
            throw CodedError(.oidcDiscoveryFailed, detail: "the issuer is no URL")
        }
        do {
            let reply = try await http.get(url)
            guard reply.isSuccess else {
                throw CodedError(
                    .oidcDiscoveryFailed,
                    detail: "status \(reply.status)",
                    isRetryable: reply.status >= 500 || reply.status == 429
                )
            }
            return try facts(try reply.decode(DiscoveryBody.self), url)
        } catch let error as CodedError where error.code != .oidcDiscoveryFailed {
            throw CodedError(
                .oidcDiscoveryFailed,
                cause: error,
                isRetryable: error.isRetryable
            )
        }
    }

    private func facts(_ body: DiscoveryBody, _ source: ProviderURL) throws -> ProviderFacts {
        // Whoever answers for another issuer could let its users in here (§4.3).
        guard body.issuer.withoutSlash == issuer else {
            throw CodedError(
                .oidcDiscoveryFailed,
                detail: "the issuer is \(body.issuer.providerWords)"
            )
        }
        func endpoint(_ text: String?, _ name: String) throws -> ProviderURL? {
            guard let text else { return nil }
            guard let url = ProviderURL(text), url.isEncrypted || !source.isEncrypted else {
                throw CodedError(.oidcDiscoveryFailed, detail: "\(name) cannot be called")
            }
            return url
        }
        guard let token = try endpoint(body.token, "token_endpoint"),
            let keys = try endpoint(body.keys, "jwks_uri")
        else { throw CodedError(.oidcDiscoveryFailed, detail: "an endpoint is missing") }
        let methods = body.methods ?? ["client_secret_basic"]
        return ProviderFacts(
            issuer: body.issuer,
            authorization: try endpoint(body.authorization, "authorization_endpoint"),
            token: token,
            device: try endpoint(body.device, "device_authorization_endpoint"),
            userInfo: try endpoint(body.userInfo, "userinfo_endpoint"),
            keys: keys,
            usesBasic: methods.contains("client_secret_basic")
        )
    }
}

private struct DiscoveryBody: Decodable {
    let issuer: String
    let authorization: String?
    let token: String?
    let device: String?
    let userInfo: String?
    let keys: String?
    let methods: [String]?

    private enum CodingKeys: String, CodingKey {
        case issuer
        case authorization = "authorization_endpoint"
        case token = "token_endpoint"
        case device = "device_authorization_endpoint"
        case userInfo = "userinfo_endpoint"
        case keys = "jwks_uri"
        case methods = "token_endpoint_auth_methods_supported"
    }
}
