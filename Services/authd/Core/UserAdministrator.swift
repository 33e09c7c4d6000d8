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
        try check([user.name] + (user.groups ?? []))
        try check(loginNames: user.loginNames ?? [])
        let keys = try (user.keys ?? []).map { line throws(CodedError) in try StoredKey(line: line)
        }
        let account = Account(
            id: 0,
            name: user.name,
            passwordHash: try await hash(user.passwordBase64, user.passwordHash),
            isDisabled: user.disabled ?? false,
            expiresAt: try user.expires.map(seconds),
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
        try check(change.groups ?? [])
        try check(loginNames: change.loginNames ?? [])
        let expiry = try change.expires.map { $0.isEmpty ? nil : try seconds($0) }
        let changed = try await store.change(name, change.summary) { account in
            account.isDisabled = change.disabled ?? account.isDisabled
            if let expiry { account.expiresAt = expiry }
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
        let hash = try await hash(password.passwordBase64, password.passwordHash)
        _ = try await store.change(name, "password") { $0.passwordHash = hash }
        logger.emit(.authdPasswordChanged, [LogLabel.username: .string(name)])
    }

    func addKey(_ name: String, _ line: String) async throws -> UserKeyRecord {
        let key = try StoredKey(line: line)
        try await store.addKey(name, key)
        logger.emit(.authdKeyAdded, labels(name, key.fingerprint))
        return UserKeyRecord(
            fingerprint: key.fingerprint,
            type: key.type,
            comment: key.comment,
            options: key.options
        )
    }

    func removeKey(_ name: String, fingerprint: String) async throws {
        try await store.removeKey(name, fingerprint: fingerprint)
        logger.emit(.authdKeyRemoved, labels(name, fingerprint))
    }

    private func hash(_ base64: String?, _ ready: String?) async throws -> String? {
        if let ready {
            guard base64 == nil, ImportedHash.isUsable(ready) else {
                throw CodedError(.authdPasswordInvalid, detail: "no hash that can be used")
            }
            return ready
        }
        guard let base64 else { return nil }
        guard let password = Data(base64Encoded: base64) else {
            throw CodedError(.authdPasswordInvalid, detail: "no base64")
        }
        return try await hasher.hash([UInt8](password))
    }

    private func seconds(_ text: String) throws(CodedError) -> Int {
        guard let seconds = UserDate.seconds(text) else { throw CodedError(.authdDateInvalid) }
        return seconds
    }

    private func check(loginNames: [String]) throws(CodedError) {
        guard loginNames.allSatisfy(UserRoutes.isValidLoginName) else {
            throw CodedError(.authdNameInvalid)
        }
    }

    private func check(_ names: [String]) throws(CodedError) {
        guard names.allSatisfy(UserRoutes.isValidName) else { throw CodedError(.authdNameInvalid) }
    }

    // MARK: - Second factors

    func enrolTOTP(_ name: String, issuer: String) async throws -> TOTPEnrolment {
        let secret = (0..<20).map { _ in UInt8.random(in: 0...255) }
        let codes = (0..<8).map { _ in RecoveryCode.random() }
        try await store.enrolTOTP(name, secret: secret, recoveryCodes: codes)
        logger.emit(
            .authdSecondFactorChanged,
            [LogLabel.username: .string(name), "change": "begun"]
        )
        return TOTPEnrolment(
            url: TOTP.url(secret: secret, issuer: issuer, name: name),
            secret: Base32.encode(secret),
            recoveryCodes: codes
        )
    }

    func confirmTOTP(_ name: String, _ code: String, skew: Int) async throws {
        try await store.confirmTOTP(name, code, skew: skew)
        logger.emit(
            .authdSecondFactorChanged,
            [LogLabel.username: .string(name), "change": "confirmed"]
        )
    }

    func removeTOTP(_ name: String) async throws {
        try await store.removeTOTP(name)
        logger.emit(
            .authdSecondFactorChanged,
            [LogLabel.username: .string(name), "change": "removed"]
        )
    }

    // MARK: - Groups, tokens, changes

    func groups() async throws -> [GroupRecord] { try await store.groups() }

    func setGroup(_ group: NewGroup) async throws -> GroupRecord {
        try check([group.name])
        try check(loginNames: group.loginNames ?? [])
        let record = try await store.setGroup(group)
        logger.emit(.authdGroupChanged, ["group": .string(group.name)])
        return record
    }

    func removeGroup(_ name: String) async throws {
        try await store.removeGroup(name)
        logger.emit(.authdGroupChanged, ["group": .string(name), "change": "removed"])
    }

    func tokens() async throws -> [TokenRecord] { try await store.tokens() }

    func addToken(_ token: NewToken) async throws -> MadeToken {
        try check([token.name])
        let expiry = try token.expires.map(seconds)
        let random = (0..<32).map { _ in UInt8.random(in: 0...255) }
        let secret =
            "berth_"
            + random.map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
        try await store.addToken(
            token.name,
            secret: secret,
            isReadOnly: token.readOnly ?? false,
            expiresAt: expiry
        )
        logger.emit(.authdTokenChanged, ["token": .string(token.name), "change": "added"])
        return MadeToken(name: token.name, token: secret)
    }

    func removeToken(_ name: String) async throws {
        try await store.removeToken(name)
        logger.emit(.authdTokenChanged, ["token": .string(name), "change": "removed"])
    }

    func changes(of subject: String?, limit: Int) async throws -> [ChangeRecord] {
        try await store.changes(of: subject, limit: limit)
    }

    /// The whole database as one file.
    func backup() async throws -> [UInt8] {
        let bytes = try await store.backup()
        logger.emit(.authdBackupMade)
        return bytes
    }

    private func labels(_ name: String, _ fingerprint: String) -> Logger.Metadata {
        [LogLabel.username: .string(name), "fingerprint": .string(fingerprint)]
    }
}

extension UserChange {
    /// What changes, without values, which may be secret.
    var summary: String {
        var parts: [String] = []
        if let disabled { parts.append(disabled ? "disabled" : "enabled") }
        if expires != nil { parts.append("expiry") }
        if groups != nil { parts.append("groups") }
        if loginNames != nil { parts.append("login names") }
        if metadata != nil { parts.append("metadata") }
        if environment != nil { parts.append("environment") }
        return parts.joined(separator: ", ")
    }
}
