package import AuthOAuth2
package import SharedConfig
import SharedModels

/// A login at an OAuth2 provider, and which of the users in the store it is.
package struct ProviderLogin: Sendable {
    private let login: OAuth2Login
    private let requireAccount: Bool
    private let store: UserStore

    package init(_ login: OAuth2Login, _ config: AuthdOAuth2Config, store: UserStore) {
        self.login = login
        requireAccount = config.requireAccount
        self.store = store
    }

    enum Answer {
        case round(KeyboardRound)
        case proven(Person)
        case refused(PasswordSources.Refusal)

        static func refused(_ reason: Authority.Reason) -> Answer {
            .refused(.init(reason: reason.rawValue))
        }
    }

    /// Throws a `CodedError` when the provider or the store cannot be asked.
    func answer(_ request: KeyboardRequest) async throws -> Answer {
        switch try await login.answer(request) {
        case .round(let round): return .round(round)
        case .refused(let text): return .refused(.init(reason: "not at the provider", text: text))
        case .proven(let identity): return try await holder(of: identity, request.head.username)
        }
    }

    /// Whom the provider has named. Where no account is needed, somebody without one may log in
    /// under every name but those of users.
    private func holder(of identity: OAuth2Identity, _ typed: String) async throws -> Answer {
        let account = try await store.account(named: identity.name)
        if account == nil, requireAccount { return .refused(.unknownUser) }
        if let reason = account?.closed { return .refused(reason) }
        let person = Person(
            name: identity.name,
            account: account,
            said: .init(metadata: identity.carried.metadata)
        )
        if !person.mayLogIn(as: typed) {
            guard account == nil, try await store.account(named: typed) == nil else {
                return .refused(.notAllowed)
            }
        }
        return .proven(person)
    }
}
