import AuthClient
import Crypto
import Foundation
import GRDB
import SharedMessages

/// Whoever makes the change that is being made, for the list of changes.
enum ChangeActor {
    @TaskLocal static var name = "authd"
}

extension UserStore {
    /// A token as a request shows it.
    struct TokenHolder: Sendable, Hashable {
        var name: String
        var isReadOnly: Bool
    }

    func tokens() async throws -> [TokenRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT name, isReadOnly, createdAt, expiresAt FROM token ORDER BY name"
            ).map { row in
                TokenRecord(
                    name: row["name"],
                    readOnly: row["isReadOnly"],
                    created: UserDate.text(row["createdAt"]),
                    expires: (row["expiresAt"] as Int?).map(UserDate.text)
                )
            }
        }
    }

    /// Keeps the hash of a new token. Throws `AUTHD_TOKEN_EXISTS`.
    func addToken(_ name: String, secret: String, isReadOnly: Bool, expiresAt: Int?) async throws {
        let hash = Self.hash(secret)
        let now = Int(Date.now.timeIntervalSince1970)
        try await write("token added", name, isReadOnly ? "read-only" : "") { database in
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO token (name, hash, isReadOnly, createdAt, expiresAt)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [name, hash, isReadOnly, now, expiresAt]
            )
            guard database.changesCount > 0 else { throw CodedError(.authdTokenExists) }
        }
    }

    /// Throws `AUTHD_TOKEN_UNKNOWN`.
    func removeToken(_ name: String) async throws {
        try await write("token removed", name) { database in
            try database.execute(sql: "DELETE FROM token WHERE name = ?", arguments: [name])
            guard database.changesCount > 0 else { throw CodedError(.authdTokenUnknown) }
        }
    }

    /// Whose token this is; `nil` for one that is unknown or has expired. It is looked up by its
    /// hash, so the time tells nothing about tokens that exist.
    func holder(ofToken secret: String, at now: Int) async throws -> TokenHolder? {
        let hash = Self.hash(secret)
        return try await read { database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT name, isReadOnly FROM token
                    WHERE hash = ? AND (expiresAt IS NULL OR expiresAt > ?)
                    """,
                arguments: [hash, now]
            )
            return row.map { TokenHolder(name: $0["name"], isReadOnly: $0["isReadOnly"]) }
        }
    }

    /// The latest changes, the newest first; of one subject if `subject` is not `nil`.
    func changes(of subject: String?, limit: Int) async throws -> [ChangeRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT id, time, actor, action, subject, detail FROM change
                    WHERE ? IS NULL OR subject = ? ORDER BY id DESC LIMIT ?
                    """,
                arguments: [subject, subject, limit]
            ).map { row in
                ChangeRecord(
                    id: row["id"],
                    time: UserDate.text(row["time"]),
                    actor: row["actor"],
                    action: row["action"],
                    subject: row["subject"],
                    detail: row["detail"]
                )
            }
        }
    }

    private static func hash(_ secret: String) -> Data {
        Data(SHA256.hash(data: Data(secret.utf8)))
    }
}
