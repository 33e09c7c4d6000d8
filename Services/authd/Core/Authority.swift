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
    private let store: UserStore
    private let hasher: PasswordHasher
    private let logger: Logger

    package init(store: UserStore, hasher: PasswordHasher, logger: Logger) {
        self.store = store
        self.hasher = hasher
        self.logger = logger
    }

    /// Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`, `AUTHD_BUSY`.
    package func answer(_ request: AuthRequest) async throws -> AuthResponse {
        let verdict = try await verdict(request)
        switch verdict {
        case .accepted(let account):
            logger.emit(
                .authdAccepted,
                labels(request, [LogLabel.authenticatedUsername: .string(account.name)])
            )
            return AuthResponse(
                success: true,
                authenticatedUsername: account.name,
                carried: account.carried
            )
        case .refused(let reason):
            logger.emit(.authdRefused, labels(request, [LogLabel.reason: .string(reason.rawValue)]))
            return AuthResponse(success: false)
        }
    }

    private enum Verdict {
        case accepted(Account)
        case refused(Reason)
    }

    /// For the log only.
    private enum Reason: String {
        case unknownUser = "unknown user"
        case noPassword = "user has no password"
        case wrongPassword = "wrong password"
        case unknownKey = "unknown key"
        case disabled = "user is disabled"
        case notAllowed = "not allowed under this name"
    }

    private func verdict(_ request: AuthRequest) async throws -> Verdict {
        let typed = request.head.username
        switch request.question {
        case .password(let password): return try await check(password, typed)
        case .publicKey(let line): return try await check(keyLine: line, typed)
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
        return account.isDisabled ? .refused(.disabled) : .accepted(account)
    }

    private func check(keyLine: String, _ name: String) async throws -> Verdict {
        guard let key = try? StoredKey(line: keyLine) else {
            return .refused(.unknownKey)  // a kind of key that nobody can have here
        }
        guard let account = try await store.account(withKey: key.blob, for: name) else {
            return .refused(.unknownKey)
        }
        return account.isDisabled ? .refused(.disabled) : .accepted(account)
    }

    private func check(_ authenticated: String, as typed: String) async throws -> Verdict {
        guard !authenticated.isEmpty, let account = try await store.account(named: authenticated)
        else { return .refused(.unknownUser) }
        guard !account.isDisabled else { return .refused(.disabled) }
        return account.mayLogIn(as: typed) ? .accepted(account) : .refused(.notAllowed)
    }

    private func labels(_ request: AuthRequest, _ more: Logger.Metadata) -> Logger.Metadata {
        let question =
            switch request.question {
            case .password: "password"
            case .publicKey: "public key"
            case .authorization: "authorization"
            }
        return more.merging([
            LogLabel.connectionId: .string(request.head.connectionID),
            LogLabel.username: .string(request.head.username),
            "method": .string(question),
        ]) { $1 }
    }
}
