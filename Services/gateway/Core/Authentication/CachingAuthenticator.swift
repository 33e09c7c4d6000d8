package import SharedModels
import SharedMessages

/// The public key webhook, with earlier acceptances in place of its answers while it has none.
package struct CachingAuthenticator: Authenticator {
    private let webhook: any PatientAuthenticator
    private let cache: OutageCache
    private let after: Duration

    /// `after` is how long the webhook is asked when an acceptance is known.
    package init(_ webhook: any PatientAuthenticator, cache: OutageCache, after: Duration) {
        self.webhook = webhook
        self.cache = cache
        self.after = after
    }

    package func decide(_ request: AuthRequest, country: String) async throws -> AuthResponse {
        guard let question = OutageCache.Question(request) else {
            return try await webhook.decide(request, country: country)
        }
        do {
            let answer =
                if cache.answer(to: question, at: .now) == nil {
                    try await webhook.decide(request, country: country)
                } else {
                    try await webhook.decide(request, country: country, within: after)
                }
            cache.note(answer, to: question, at: .now)
            return answer
        } catch let error as CodedError {
            guard let known = cache.answer(to: question, at: .now) else { throw error }
            var answer = known.response
            answer.age = known.age
            answer.carried.metadata["authenticationSource"] = MetadataValue("cache")
            return answer
        }
    }
}

extension OutageCache.Question {
    /// `nil` for questions whose answers are never kept.
    init?(_ request: AuthRequest) {
        guard case .publicKey(let line) = request.question else { return nil }
        username = request.head.username
        key = line
        let address = request.head.remoteAddress
        self.address = String(address[..<(address.lastIndex(of: ":") ?? address.endIndex)])
        carried = request.head.carried
    }
}
