import SharedModels

/// Says whose a password is, by every source that authd has.
///
/// `/password` and conversations ask the same. Second factors are the caller's affair.
package struct PasswordSources: Sendable {
    enum Answer: Sendable, Hashable {
        case right(Person)
        case refused(Refusal)

        static func refused(_ reason: Authority.Reason) -> Answer {
            .refused(Refusal(reason: reason.rawValue))
        }
    }

    struct Refusal: Error, Hashable {
        /// For the log only.
        let reason: String
        /// What the person may read; empty for nothing.
        var text = ""
    }

    let store: UserStore
    private let hasher: PasswordHasher
    private let kerberos: KerberosAuthority?

    /// With `kerberos` the KDC checks passwords in the place of the store.
    package init(
        store: UserStore,
        hasher: PasswordHasher,
        kerberos: KerberosAuthority? = nil
    ) {
        self.store = store
        self.hasher = hasher
        self.kerberos = kerberos
    }

    /// Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`, `AUTHD_BUSY`,
    /// `AUTHD_KERBEROS_FAILED`.
    func check(_ password: [UInt8], _ head: AuthRequestHead) async throws -> Answer {
        if let kerberos { return try await kerberos.check(password, head) }
        return try await checkStore(password, head.username)
    }

    /// Computes one hash in every case, so that the time tells nothing about the user.
    private func checkStore(_ password: [UInt8], _ name: String) async throws -> Answer {
        let account = try await store.account(named: name)
        let isRight = try await hasher.verify(password, account?.passwordHash)
        guard let account else { return .refused(.unknownUser) }
        guard account.passwordHash != nil else { return .refused(.noPassword) }
        guard isRight else { return .refused(.wrongPassword) }
        try await renewHash(account, password)
        if let reason = account.closed { return .refused(reason) }
        return .right(Person(account))
    }

    /// Replaces an imported hash by one of our own, once the password is known.
    private func renewHash(_ account: Account, _ password: [UInt8]) async throws {
        guard let old = account.passwordHash, PasswordHasher.isForeign(old) else { return }
        let hash = try await hasher.hash(password)
        _ = try await store.change(account.name, "password hash made anew") { account in
            // Somebody may have set another password in between.
            if account.passwordHash == old { account.passwordHash = hash }
        }
    }
}
