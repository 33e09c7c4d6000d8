import AuthClient
import Foundation
import GRDB
import NIOPosix
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
        try await write("user added", account.name) { database in
            guard try database.account("name = ?", [account.name]) == nil else {
                throw CodedError(.authdUserExists)
            }
            try database.execute(
                sql: """
                    INSERT INTO user (name, passwordHash, isDisabled, expiresAt)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    account.name, account.passwordHash, account.isDisabled, account.expiresAt,
                ]
            )
            let id = database.lastInsertedRowID
            try database.replaceDetails(of: id, with: account)
            for key in keys { try database.insert(key, of: id) }
            return try database.existing(account.name)
        }
    }

    /// `what` is changed, in words for the list of changes. Throws `AUTHD_USER_UNKNOWN`.
    func change(
        _ name: String,
        _ what: String,
        _ change: @escaping @Sendable (inout Account) -> Void
    ) async throws -> Account {
        try await write("user changed", name, what) { database in
            var account = try database.existing(name)
            change(&account)
            try database.execute(
                sql: """
                    UPDATE user SET passwordHash = ?, isDisabled = ?, expiresAt = ? WHERE id = ?
                    """,
                arguments: [
                    account.passwordHash, account.isDisabled, account.expiresAt, account.id,
                ]
            )
            try database.replaceDetails(of: account.id, with: account)
            return try database.existing(name)
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`.
    func remove(_ name: String) async throws {
        try await write("user removed", name) { database in
            let account = try database.existing(name)
            try database.execute(sql: "DELETE FROM user WHERE id = ?", arguments: [account.id])
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_KEY_EXISTS`.
    func addKey(_ name: String, _ key: StoredKey) async throws {
        try await write("key added", name, key.fingerprint) { database in
            try database.insert(key, of: try database.existing(name).id)
        }
    }

    /// Throws `AUTHD_USER_UNKNOWN`, `AUTHD_KEY_UNKNOWN`.
    func removeKey(_ name: String, fingerprint: String) async throws {
        try await write("key removed", name, fingerprint) { database in
            let account = try database.existing(name)
            try database.execute(
                sql: "DELETE FROM publicKey WHERE userID = ? AND fingerprint = ?",
                arguments: [account.id, fingerprint]
            )
            guard database.changesCount > 0 else { throw CodedError(.authdKeyUnknown) }
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw coded(error)
        }
    }

    /// Changes something, and the list of changes with it.
    func write<Value: Sendable>(
        _ action: String,
        _ subject: String,
        _ detail: String = "",
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        let actor = ChangeActor.name
        let now = Int(Date.now.timeIntervalSince1970)
        do {
            return try await pool.write { database in
                let value = try body(database)
                try database.execute(
                    sql: """
                        INSERT INTO change (time, actor, action, subject, detail)
                        VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [now, actor, action, subject, detail]
                )
                return value
            }
        } catch {
            throw coded(error)
        }
    }

    /// Changes something that is no change of a user.
    func unrecorded<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.write(body)
        } catch {
            throw coded(error)
        }
    }

    /// A whole copy of the database at this moment, as one file, while others go on writing.
    func backup() async throws -> [UInt8] {
        do {
            return try await NIOThreadPool.singleton.runIfActive { [pool] in
                let folder = FileManager.default.temporaryDirectory
                    .appending(path: "berth-backup-\(UUID().uuidString)")
                try FileManager.default.createDirectory(
                    at: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
                // A copy that stays behind is readable by nobody else.
                defer { try? FileManager.default.removeItem(at: folder) }
                let file = folder.appending(path: "authd.sqlite")
                let copy = try DatabaseQueue(path: file.path)
                try pool.backup(to: copy)
                try copy.close()
                return [UInt8](try Data(contentsOf: file))
            }
        } catch {
            throw coded(error)
        }
    }

    private func coded(_ error: any Error) -> any Error {
        if error is CodedError || error is CancellationError { return error }
        return CodedError(.authdDatabaseFailed, cause: error, isRetryable: true)
    }
}
