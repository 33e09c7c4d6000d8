import AuthClient
import Foundation
package import Logging
import SharedLogging
import SharedMessages
import SharedModels

/// Changes users, and writes a line into the log for each change.
///
/// Throws `CodedError`s whose codes tell the caller what is wrong (`AUTHD_…`).
package struct UserAdministrator: Sendable {
    private let store: UserStore
    private let hasher: PasswordHasher
    private let logger: Logger

    package init(store: UserStore, hasher: PasswordHasher, logger: Logger) {
        self.store = store
        self.hasher = hasher
        self.logger = logger
    }

    func list() async throws -> [UserRecord] { try await store.all().map(\.record) }

    func user(_ name: String) async throws -> UserRecord {
        guard let account = try await store.account(named: name) else {
            throw CodedError(.authdUserUnknown)
        }
        return account.record
    }

    func add(_ user: NewUser) async throws -> UserRecord {
        let names = [user.name] + (user.groups ?? []) + (user.loginNames ?? [])
        try check(names)
        let keys = try (user.keys ?? []).map { line throws(CodedError) in try StoredKey(line: line)
        }
        let account = Account(
            id: 0,
            name: user.name,
            passwordHash: try await hash(user.passwordBase64),
            isDisabled: false,
            groups: user.groups ?? [],
            loginNames: user.loginNames ?? [],
            keys: [],
            metadata: user.metadata ?? [:],
            environment: user.environment ?? [:]
        )
        let added = try await store.add(account, keys: keys)
        logger.emit(.authdUserAdded, [LogLabel.username: .string(user.name)])
        return added.record
    }

    func change(_ name: String, _ change: UserChange) async throws -> UserRecord {
        try check((change.groups ?? []) + (change.loginNames ?? []))
        let changed = try await store.change(name) { account in
            account.isDisabled = change.disabled ?? account.isDisabled
            account.groups = change.groups ?? account.groups
            account.loginNames = change.loginNames ?? account.loginNames
            account.metadata = change.metadata ?? account.metadata
            account.environment = change.environment ?? account.environment
        }
        logger.emit(
            .authdUserChanged,
            [LogLabel.username: .string(name), "change": .string(change.summary)]
        )
        return changed.record
    }

    func remove(_ name: String) async throws {
        try await store.remove(name)
        logger.emit(.authdUserRemoved, [LogLabel.username: .string(name)])
    }

    func setPassword(_ name: String, _ password: NewPassword) async throws {
        let hash = try await hash(password.passwordBase64)
        _ = try await store.change(name) { $0.passwordHash = hash }
        logger.emit(.authdPasswordChanged, [LogLabel.username: .string(name)])
    }

    func addKey(_ name: String, _ line: String) async throws -> UserKeyRecord {
        let key = try StoredKey(line: line)
        try await store.addKey(name, key)
        logger.emit(.authdKeyAdded, labels(name, key.fingerprint))
        return UserKeyRecord(fingerprint: key.fingerprint, type: key.type, comment: key.comment)
    }

    func removeKey(_ name: String, fingerprint: String) async throws {
        try await store.removeKey(name, fingerprint: fingerprint)
        logger.emit(.authdKeyRemoved, labels(name, fingerprint))
    }

    private func hash(_ base64: String?) async throws -> String? {
        guard let base64 else { return nil }
        guard let password = Data(base64Encoded: base64) else {
            throw CodedError(.authdPasswordInvalid, detail: "no base64")
        }
        return try await hasher.hash([UInt8](password))
    }

    private func check(_ names: [String]) throws(CodedError) {
        guard names.allSatisfy(UserRoutes.isValidName) else { throw CodedError(.authdNameInvalid) }
    }

    private func labels(_ name: String, _ fingerprint: String) -> Logger.Metadata {
        [LogLabel.username: .string(name), "fingerprint": .string(fingerprint)]
    }
}

extension UserChange {
    /// What changes, without values, which may be secret.
    fileprivate var summary: String {
        var parts: [String] = []
        if let disabled { parts.append(disabled ? "disabled" : "enabled") }
        if groups != nil { parts.append("groups") }
        if loginNames != nil { parts.append("login names") }
        if metadata != nil { parts.append("metadata") }
        if environment != nil { parts.append("environment") }
        return parts.joined(separator: ", ")
    }
}
