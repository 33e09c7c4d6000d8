import AuthClient
import Foundation
package import Logging
import SharedLogging
import SharedMessages
package import SharedModels
import SharedSSH

/// Decides the webhook's questions: from the users in the store, and passwords from all sources.
///
/// A user may log in under their own name and under the login names they were given. Passwords
/// belong to the name that was typed; a key may prove its owner under any of the owner's names.
package struct Authority: Sendable {
    let store: UserStore
    private let passwords: PasswordSources
    private let passwordAlone: Bool
    private let logger: Logger

    /// `passwordAlone` lets users with a second factor use the password without it.
    package init(
        _ passwords: PasswordSources,
        passwordAlone: Bool = false,
        logger: Logger
    ) {
        self.passwordAlone = passwordAlone
        self.passwords = passwords
        store = passwords.store
        self.logger = logger
    }

    /// Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`, `AUTHD_BUSY`.
    package func answer(_ request: AuthRequest) async throws -> AuthResponse {
        let verdict = try await completed(try await verdict(request), request)
        switch verdict {
        case .accepted(let person, let key):
            logger.emit(
                .authdAccepted,
                labels(request, [LogLabel.authenticatedUsername: .string(person.name)])
            )
            var carried = passwords.carried(by: person, request.head)
            if let account = person.account { carried.markFactor(request.question, of: account) }
            for (name, value) in key?.environment ?? [:] {
                carried.environment[name] = MetadataValue(value)
            }
            return AuthResponse(
                success: true,
                authenticatedUsername: person.name,
                carried: carried,
                restrictions: key?.restrictions
            )
        case .refused(let refusal):
            logger.emit(.authdRefused, labels(request, [LogLabel.reason: .string(refusal.reason)]))
            return refusal.response
        }
    }

    enum Verdict {
        case accepted(Person, KeyOptions? = nil)
        case refused(PasswordSources.Refusal)

        static func accepted(_ account: Account, _ key: KeyOptions? = nil) -> Verdict {
            .accepted(Person(account), key)
        }

        static func refused(_ reason: Reason) -> Verdict {
            .refused(.init(reason))
        }
    }

    /// For the log only.
    enum Reason: String {
        case unknownUser = "unknown user"
        case noPassword = "user has no password"
        case wrongPassword = "wrong password"
        case unknownKey = "unknown key"
        case disabled = "user is disabled"
        case expired = "account has expired"
        case needsSecondFactor = "password without the second factor"
        case notAllowed = "not allowed under this name"
        case unusableCertificate = "certificate is not in order"
        case untrustedAuthority = "authority is not trusted"
        case revoked = "certificate is revoked"
        case notInDirectory = "not in the directory"
        case otherPrincipals = "certificate is of nobody who may log in under this name"
    }

    private func verdict(_ request: AuthRequest) async throws -> Verdict {
        let typed = request.head.username
        switch request.question {
        case .password(let password): return try await check(password, request.head)
        case .publicKey(let line):
            return try await check(keyLine: line, typed, from: request.head.clientAddress)
        case .certificate(let certificate): return try await check(certificate, typed)
        case .authorization(let authenticated): return try await check(authenticated, as: typed)
        }
    }

    private func check(_ password: [UInt8], _ head: AuthRequestHead) async throws -> Verdict {
        switch try await passwords.check(password, head) {
        case .refused(let refusal): return .refused(refusal)
        case .right(let person):
            guard passwordAlone || !person.hasSecondFactor else {
                return .refused(.needsSecondFactor)
            }
            return .accepted(person)
        }
    }

    var now: Int { Int(Date.now.timeIntervalSince1970) }

    private func check(
        keyLine: String,
        _ name: String,
        from address: String
    ) async throws -> Verdict {
        guard let key = try? StoredKey(line: keyLine) else {
            return .refused(.unknownKey)  // a kind of key that nobody can have here
        }
        guard let account = try await store.account(withKey: key.blob, for: name) else {
            return try await checkDirectory(key, name, from: address)
        }
        if let reason = account.closed { return .refused(reason) }
        let stored = account.keys.first { $0.fingerprint == key.fingerprint }
        return try checked(stored?.options ?? "", of: Person(account), from: address)
    }

    /// Keys of the directory count under their owner's own name. Where it does not answer, those
    /// who have keys in the store are not kept waiting for it.
    private func checkDirectory(
        _ key: StoredKey,
        _ name: String,
        from address: String
    ) async throws -> Verdict {
        guard passwords.directoryHasKeys else { return .refused(.unknownKey) }
        let account = try await store.account(named: name)
        let found: LDAPPerson?
        do {
            found = try await passwords.stranger(named: name)
        } catch {
            guard let account, !account.keys.isEmpty else { throw error }
            return .refused(.unknownKey)
        }
        let keys = (found?.keys ?? []).compactMap { try? StoredKey(line: $0) }
        guard let found, let match = keys.first(where: { $0.blob == key.blob }) else {
            return .refused(.unknownKey)
        }
        if let reason = account?.closed { return .refused(reason) }
        let person = Person(name: found.name, account: account, said: found.said)
        return try checked(match.options, of: person, from: address)
    }

    private func checked(
        _ options: String,
        of person: Person,
        from address: String
    ) throws -> Verdict {
        let options = try KeyOptions(options)
        if let reason = options.refusal(address: address, at: now) {
            return .refused(.init(reason: reason))
        }
        return .accepted(person, options)
    }

    /// Asks the directory too, where everybody has to be in it; passwords have asked it already.
    private func completed(_ verdict: Verdict, _ request: AuthRequest) async throws -> Verdict {
        guard case .accepted(let person, let key) = verdict else { return verdict }
        if case .password = request.question { return verdict }
        switch try await passwords.completed(.right(person)) {
        case .right(let person): return .accepted(person, key)
        case .refused(let refusal): return .refused(refusal)
        }
    }

    private func check(_ authenticated: String, as typed: String) async throws -> Verdict {
        guard !authenticated.isEmpty else { return .refused(.unknownUser) }
        guard let account = try await store.account(named: authenticated) else {
            guard let found = try await passwords.stranger(named: authenticated) else {
                return .refused(.unknownUser)
            }
            let person = Person(name: found.name, account: nil, said: found.said)
            return person.mayLogIn(as: typed) ? .accepted(person) : .refused(.notAllowed)
        }
        if let reason = account.closed { return .refused(reason) }
        return account.mayLogIn(as: typed) ? .accepted(account) : .refused(.notAllowed)
    }

    private func labels(_ request: AuthRequest, _ more: Logger.Metadata) -> Logger.Metadata {
        let question =
            switch request.question {
            case .password: "password"
            case .publicKey: "public key"
            case .certificate: "certificate"
            case .authorization: "authorization"
            }
        return more.merging([
            LogLabel.connectionId: .string(request.head.connectionID),
            LogLabel.username: .string(request.head.username),
            "method": .string(question),
        ]) { $1 }
    }
}

extension AuthRequestHead {
    /// The client's address without the port, and without brackets for IPv6.
    var clientAddress: String {
        guard let colon = remoteAddress.lastIndex(of: ":") else { return remoteAddress }
        let host = remoteAddress[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { return String(host.dropFirst().dropLast()) }
        // An IPv6 address without a port, as version 0.4 of the contract has it.
        return host.contains(":") ? remoteAddress : String(host)
    }
}
