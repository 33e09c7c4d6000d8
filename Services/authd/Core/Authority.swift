import AuthClient
import Foundation
package import Logging
import SharedLogging
import SharedMessages
package import SharedModels
import SharedSSH

/// Decides the webhook's questions from the users in the store.
///
/// A user may log in under their own name and under the login names they were given. Passwords
/// belong to the name that was typed; a key may prove its owner under any of the owner's names.
package struct Authority: Sendable {
    let store: UserStore
    private let hasher: PasswordHasher
    private let passwordAlone: Bool
    private let logger: Logger

    /// `passwordAlone` lets users with a second factor use the password without it.
    package init(
        store: UserStore,
        hasher: PasswordHasher,
        passwordAlone: Bool = false,
        logger: Logger
    ) {
        self.passwordAlone = passwordAlone
        self.store = store
        self.hasher = hasher
        self.logger = logger
    }

    /// Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`, `AUTHD_BUSY`.
    package func answer(_ request: AuthRequest) async throws -> AuthResponse {
        let verdict = try await verdict(request)
        switch verdict {
        case .accepted(let account, let key):
            logger.emit(
                .authdAccepted,
                labels(request, [LogLabel.authenticatedUsername: .string(account.name)])
            )
            var carried = account.carried
            carried.markFactor(request.question, of: account)
            for (name, value) in key?.environment ?? [:] {
                carried.environment[name] = MetadataValue(value)
            }
            return AuthResponse(
                success: true,
                authenticatedUsername: account.name,
                carried: carried,
                restrictions: key?.restrictions
            )
        case .refused(let reason):
            logger.emit(.authdRefused, labels(request, [LogLabel.reason: .string(reason)]))
            return AuthResponse(success: false)
        }
    }

    enum Verdict {
        case accepted(Account, KeyOptions? = nil)
        case refused(String)

        static func refused(_ reason: Reason) -> Verdict { .refused(reason.rawValue) }
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
        case otherPrincipals = "certificate is of nobody who may log in under this name"
    }

    private func verdict(_ request: AuthRequest) async throws -> Verdict {
        let typed = request.head.username
        switch request.question {
        case .password(let password): return try await check(password, typed)
        case .publicKey(let line):
            return try await check(keyLine: line, typed, from: request.head.clientAddress)
        case .certificate(let certificate): return try await check(certificate, typed)
        case .authorization(let authenticated): return try await check(authenticated, as: typed)
        }
    }

    /// Computes one hash in every case, so that the time tells nothing about the user.
    private func check(_ password: [UInt8], _ name: String) async throws -> Verdict {
        let account = try await store.account(named: name)
        let isRight = try await hasher.verify(password, account?.passwordHash)
        guard let account else { return .refused(.unknownUser) }
        guard account.passwordHash != nil else { return .refused(.noPassword) }
        guard isRight else { return .refused(.wrongPassword) }
        try await renewHash(account, password)
        if let reason = closed(account) { return .refused(reason) }
        guard passwordAlone || !account.hasSecondFactor else {
            return .refused(.needsSecondFactor)
        }
        return .accepted(account)
    }

    /// Why nobody may log in to the account at all; `nil` for one that is open.
    func closed(_ account: Account) -> Reason? {
        if account.isDisabled { return .disabled }
        return account.hasExpired(at: now) ? .expired : nil
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
            return .refused(.unknownKey)
        }
        if let reason = closed(account) { return .refused(reason) }
        let stored = account.keys.first { $0.fingerprint == key.fingerprint }
        let options = try KeyOptions(stored?.options ?? "")
        if let reason = options.refusal(address: address, at: now) { return .refused(reason) }
        return .accepted(account, options)
    }

    private func check(_ authenticated: String, as typed: String) async throws -> Verdict {
        guard !authenticated.isEmpty, let account = try await store.account(named: authenticated)
        else { return .refused(.unknownUser) }
        if let reason = closed(account) { return .refused(reason) }
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
