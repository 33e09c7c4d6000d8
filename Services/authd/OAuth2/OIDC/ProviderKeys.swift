import Foundation
import JWTKit
import SharedHTTP
import SharedMessages

/// The public keys with which a provider signs (RFC 7517); kept, and asked for anew when a token
/// names one that is not known, but not more often than every so often.
actor ProviderKeys {
    private let http: ProviderHTTP
    private let maximumAge: Duration
    private let pause: Duration
    private var known: [JWK] = []
    private var url: ProviderURL?
    private var askedAt: ContinuousClock.Instant?

    init(
        http: ProviderHTTP,
        maximumAge: Duration = .seconds(3600),
        pause: Duration = .seconds(30)
    ) {
        self.http = http
        self.maximumAge = maximumAge
        self.pause = pause
    }

    /// The keys that may have signed a token of this header; empty if there is none. Throws
    /// `OIDC_KEYS_FAILED`.
    func keys(for header: TokenHeader, at url: ProviderURL) async throws -> [JWK] {
        let now = ContinuousClock.now
        if self.url != url || askedAt.map({ now - $0 >= maximumAge }) ?? true {
            try await ask(url)
        }
        let keys = known.filter(header.mayBeSigned)
        guard keys.isEmpty, askedAt.map({ ContinuousClock.now - $0 >= pause }) ?? true else {
            return keys
        }
        try await ask(url)
        return known.filter(header.mayBeSigned)
    }

    private func ask(_ url: ProviderURL) async throws {
        do {
            let keys = try await repeatedly { try await self.fetch(url) }
            known = keys
            self.url = url
            askedAt = .now
        } catch let error as CodedError where error.isRetryable && self.url == url {
            // The keys that are known go on counting; the next try comes later.
            askedAt = .now
        }
    }

    private func fetch(_ url: ProviderURL) async throws -> [JWK] {
        do {
            let reply = try await http.get(url)
            guard reply.isSuccess else {
                throw CodedError(
                    .oidcKeysFailed,
                    detail: "status \(reply.status)",
                    isRetryable: reply.status >= 500 || reply.status == 429
                )
            }
            return try reply.decode(KeysBody.self).keys.compactMap(\.key)
        } catch let error as CodedError where error.code != .oidcKeysFailed {
            throw CodedError(.oidcKeysFailed, cause: error, isRetryable: error.isRetryable)
        }
    }
}

private struct KeysBody: Decodable {
    /// A key of a kind that is not known here is skipped, not the whole set.
    struct Entry: Decodable {
        let key: JWK?

        private enum CodingKeys: String, CodingKey {
            case use
        }

        init(from decoder: any Decoder) throws {
            let use = try decoder.container(keyedBy: CodingKeys.self)
                .decodeIfPresent(String.self, forKey: .use)
            key = use ?? "sig" == "sig" ? try? JWK(from: decoder) : nil
        }
    }

    let keys: [Entry]
}
