import SharedConfig
import SharedModels

/// Says whose a password is, by every source that authd has.
///
/// `/password` and conversations ask the same. Second factors are the caller's affair.
package struct PasswordSources: Sendable {
    enum Answer: Sendable, Hashable {
        case right(Person)
        case refused(Refusal)

        static func refused(_ reason: Authority.Reason) -> Answer {
            .refused(Refusal(reason))
        }
    }

    struct Refusal: Error, Hashable {
        /// For the log only.
        let reason: String
        /// What the person may read; empty for nothing.
        var text = ""
        /// Whether nobody has the name.
        var isUnknownUser = false

        init(reason: String, text: String = "") {
            self.reason = reason
            self.text = text
        }

        init(_ reason: Authority.Reason) {
            self.reason = reason.rawValue
            isUnknownUser = reason == .unknownUser
        }

        var response: AuthResponse {
            AuthResponse(success: false, reason: text, unknownUser: isUnknownUser)
        }
    }

    let store: UserStore
    private let hasher: PasswordHasher
    private let kerberos: KerberosAuthority?
    private let directory: LDAPDirectory?

    /// With `kerberos` the KDC checks passwords in the place of the store and of the directory.
    package init(
        store: UserStore,
        hasher: PasswordHasher,
        kerberos: KerberosAuthority? = nil,
        directory: LDAPDirectory? = nil
    ) {
        self.store = store
        self.hasher = hasher
        self.kerberos = kerberos
        self.directory = directory
    }

    /// Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`, `AUTHD_BUSY`,
    /// `AUTHD_KERBEROS_FAILED`, `AUTHD_LDAP_UNAVAILABLE`.
    func check(_ password: [UInt8], _ head: AuthRequestHead) async throws -> Answer {
        if let kerberos {
            return try await kerberos.check(password, head)
        }
        guard let directory, directory.config.passwords else {
            return try await completed(try await checkStore(password, head.username).answer)
        }
        switch directory.config.order {
        case .store: return try await checkStoreFirst(password, head.username, directory)
        case .ldap: return try await checkDirectoryFirst(password, head.username, directory)
        }
    }

    // MARK: - The store and the directory

    /// The first source that has a password for the name decides. Every refusal costs a hash, a
    /// search and a bind, so that the time tells nothing about the user.
    private func checkStoreFirst(
        _ password: [UInt8],
        _ name: String,
        _ directory: LDAPDirectory
    ) async throws -> Answer {
        let (answer, hasPassword) = try await checkStore(password, name)
        guard hasPassword else {
            let answer = try await directory.check(password, of: name)
            return try await decide(answer, name) ?? .refused(.unknownUser)
        }
        if case .refused = answer { try await directory.waste(name) }
        return try await completed(answer)
    }

    private func checkDirectoryFirst(
        _ password: [UInt8],
        _ name: String,
        _ directory: LDAPDirectory
    ) async throws -> Answer {
        let answer = try await decide(try await directory.check(password, of: name), name)
        if let answer, case .right = answer { return answer }
        let stored = try await checkStore(password, name).answer
        if let answer { return answer }
        return try await completed(stored)
    }

    /// What the store has under the name counts too; `nil` for somebody whom the directory does not
    /// know.
    private func decide(_ answer: LDAPDirectory.Answer, _ typed: String) async throws -> Answer? {
        switch answer {
        case .unknown: nil
        case .refused(let refusal): .refused(refusal)
        case .right(let found):
            switch try await person(found, typed) {
            case .success(let person): .right(person)
            case .failure(let refusal): .refused(refusal)
            }
        }
    }

    private func person(
        _ found: LDAPPerson,
        _ typed: String
    ) async throws -> Result<Person, Refusal> {
        let account = try await store.account(named: found.name)
        if let reason = account?.closed { return .failure(.init(reason)) }
        let person = Person(name: found.name, account: account, said: found.said)
        guard person.mayLogIn(as: typed) else {
            return .failure(.init(.notAllowed))
        }
        return .success(person)
    }

    // MARK: - Who somebody is, without a password

    /// Somebody whom only the directory knows; `nil` for nobody.
    func stranger(named name: String) async throws -> LDAPPerson? {
        guard let found = try await directory?.person(named: name), found.name == name else {
            return nil
        }
        return found
    }

    /// Whether the directory may have keys besides those of the store.
    var directoryHasKeys: Bool { !(directory?.config.keysAttribute.isEmpty ?? true) }

    /// Adds what the directory says about somebody whom another source lets in, where they must be
    /// in it.
    func completed(_ answer: Answer) async throws -> Answer {
        guard case .right(let person) = answer, let directory else { return answer }
        guard let person = try await directory.completed(person) else {
            return .refused(.notInDirectory)
        }
        return .right(person)
    }

    /// What an acceptance says. Later answers of a login win over earlier ones: groups that one
    /// step has found in the directory stay, where another does not ask it.
    func carried(by person: Person, _ head: AuthRequestHead) -> ConnectionMetadata {
        var carried = person.carried
        guard directory != nil else { return carried }
        carried.groups = Set(carried.groups + head.carried.groups).sorted()
        return carried
    }

    // MARK: - The store

    /// Computes one hash in every case, so that the time tells nothing about the user.
    private func checkStore(
        _ password: [UInt8],
        _ name: String
    ) async throws -> (answer: Answer, hasPassword: Bool) {
        let account = try await store.account(named: name)
        let isRight = try await hasher.verify(password, account?.passwordHash)
        guard let account else { return (.refused(.unknownUser), false) }
        guard account.passwordHash != nil else { return (.refused(.noPassword), false) }
        guard isRight else { return (.refused(.wrongPassword), true) }
        try await renewHash(account, password)
        if let reason = account.closed { return (.refused(reason), true) }
        return (.right(Person(account)), true)
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
