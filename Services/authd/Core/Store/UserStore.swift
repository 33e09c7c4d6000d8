import AuthClient
import Foundation
import GRDB
package import SharedMessages
import SharedModels

/// The users in an SQLite file (write-ahead log, full synchronisation).
///
/// Calls never block the caller's thread. Errors of the database become `CodedError`s with code
/// `AUTHD_DATABASE_FAILED`.
package struct UserStore: Sendable {
    private let pool: DatabasePool

    /// Opens the file, makes it and its directory if need be, and brings its tables up to date.
    /// Blocks; call it at start-up.
    package init(path: String) throws(CodedError) {
        do {
            try FileManager.default.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(),
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750]
            )
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.reserve(path)
            pool = try DatabasePool(path: path, configuration: configuration)
            try UserSchema.migrator.migrate(pool)
        } catch {
            throw CodedError(.authdDatabaseFailed, detail: path, cause: error)
        }
    }

    /// Makes sure that only the owner reads the file. SQLite gives its log beside it, which holds
    /// the same hashes, the permissions that the file has when it is opened.
    private static func reserve(_ path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            try Data().write(to: URL(filePath: path))
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    /// `nil` when the database answers, else why not.
    package func problem() async -> String? {
        do {
            _ = try await pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM user") }
            return nil
        } catch {
            return "cannot be read"
        }
    }

    // MARK: Reading

    func account(named name: String) async throws -> Account? {
        try await read { try $0.account("name = ?", [name]) }
    }

    /// Whoever has the key and may log in as `loginName`; the user of that very name comes first.
    func account(withKey blob: [UInt8], for loginName: String) async throws -> Account? {
        try await read { database in
            let ids = try Int64.fetchAll(
                database,
                sql: """
                    SELECT user.id FROM publicKey JOIN user ON user.id = publicKey.userID
                    WHERE publicKey.blob = ? ORDER BY user.name = ? DESC, user.id
                    """,
                arguments: [Data(blob), loginName]
            )
            for id in ids {
                let account = try database.account("id = ?", [id])
                if let account, account.mayLogIn(as: loginName) { return account }
            }
            return nil
        }
    }

    func all() async throws -> [Account] {
        try await read { database in
            let ids = try Int64.fetchAll(database, sql: "SELECT id FROM user ORDER BY name")
            return try ids.compactMap { try database.account("id = ?", [$0]) }
        }
    }

    // MARK: Writing

    /// Throws `AUTHD_USER_EXISTS`.
    func add(_ account: Account, keys: [StoredKey]) async throws -> Account {
        try await write { database in
            guard try database.account("name = ?", [account.name]) == nil else {
                throw CodedError(.authdUserExists)
            }
            try database.execute(
                sql: "INSERT INTO user (name, passwordHash, isDisabled) VALUES (?, ?, ?)",
                arguments: [account.name, account.passwordHash, account.isDisabled]
            )
            let id = database.lastInsertedRowID
            try database.replaceDetails(of: id, with: account)
            for key in keys { try database.insert(key, of: id) }
            return try database.existing(account.name)
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`.
    func change(
        _ name: String,
        _ change: @escaping @Sendable (inout Account) -> Void
    ) async throws -> Account {
        try await write { database in
            var account = try database.existing(name)
            change(&account)
            try database.execute(
                sql: "UPDATE user SET passwordHash = ?, isDisabled = ? WHERE id = ?",
                arguments: [account.passwordHash, account.isDisabled, account.id]
            )
            try database.replaceDetails(of: account.id, with: account)
            return try database.existing(name)
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`.
    func remove(_ name: String) async throws {
        try await write { database in
            let account = try database.existing(name)
            try database.execute(sql: "DELETE FROM user WHERE id = ?", arguments: [account.id])
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_KEY_EXISTS`.
    func addKey(_ name: String, _ key: StoredKey) async throws {
        try await write { database in
            try database.insert(key, of: try database.existing(name).id)
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_KEY_UNKNOWN`.
    func removeKey(_ name: String, fingerprint: String) async throws {
        try await write { database in
            let account = try database.existing(name)
            try database.execute(
                sql: "DELETE FROM publicKey WHERE userID = ? AND fingerprint = ?",
                arguments: [account.id, fingerprint]
            )
            guard database.changesCount > 0 else { throw CodedError(.authdKeyUnknown) }
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw coded(error)
        }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.write(body)
        } catch {
            throw coded(error)
        }
    }

    private func coded(_ error: any Error) -> any Error {
        if error is CodedError || error is CancellationError { return error }
        return CodedError(.authdDatabaseFailed, cause: error, isRetryable: true)
    }
}
