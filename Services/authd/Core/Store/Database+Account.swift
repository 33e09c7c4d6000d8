import AuthClient
import Foundation
import GRDB
import SharedMessages
import SharedModels

extension Database {
    /// The user that `condition` names, with everything that belongs to them.
    func account(_ condition: String, _ arguments: StatementArguments) throws -> Account? {
        let sql = """
            SELECT id, name, passwordHash, isDisabled, expiresAt, EXISTS (
                SELECT 1 FROM totp WHERE totp.userID = user.id AND isConfirmed
            ) AS hasSecondFactor FROM user WHERE \(condition)
            """
        guard let row = try Row.fetchOne(self, sql: sql, arguments: arguments) else { return nil }
        let id: Int64 = row["id"]
        return Account(
            id: id,
            name: row["name"],
            passwordHash: row["passwordHash"],
            isDisabled: row["isDisabled"],
            expiresAt: row["expiresAt"],
            hasSecondFactor: row["hasSecondFactor"],
            groups: try names("userGroup", id),
            loginNames: try names("loginName", id),
            groupLoginNames: try groupLoginNames(id),
            keys: try keys(id),
            metadata: try attributes("metadata", id),
            environment: try attributes("environment", id)
        )
    }

    /// Throws `AUTHD_USER_UNKNOWN`.
    func existing(_ name: String) throws -> Account {
        guard let account = try account("name = ?", [name]) else {
            throw CodedError(.authdUserUnknown)
        }
        return account
    }

    func replaceDetails(of id: Int64, with account: Account) throws {
        for table in ["userGroup", "loginName", "attribute"] {
            try execute(sql: "DELETE FROM \(table) WHERE userID = ?", arguments: [id])
        }
        for (table, names) in [("userGroup", account.groups), ("loginName", account.loginNames)] {
            for name in Set(names) {
                try execute(
                    sql: "INSERT INTO \(table) (userID, name) VALUES (?, ?)",
                    arguments: [id, name]
                )
            }
        }
        try insert(account.metadata, "metadata", id)
        try insert(account.environment, "environment", id)
    }

    /// Throws `AUTHD_KEY_EXISTS`.
    func insert(_ key: StoredKey, of id: Int64) throws {
        try execute(
            sql: """
                INSERT OR IGNORE INTO publicKey
                (userID, blob, type, fingerprint, comment, options) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, Data(key.blob), key.type, key.fingerprint, key.comment, key.options,
            ]
        )
        guard changesCount > 0 else { throw CodedError(.authdKeyExists) }
    }

    private func insert(_ values: [String: MetadataValue], _ kind: String, _ id: Int64) throws {
        for (name, value) in values {
            try execute(
                sql: """
                    INSERT INTO attribute (userID, kind, name, value, isSensitive)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [id, kind, name, value.value, value.sensitive]
            )
        }
    }

    private func names(_ table: String, _ id: Int64) throws -> [String] {
        try String.fetchAll(
            self,
            sql: "SELECT name FROM \(table) WHERE userID = ? ORDER BY name",
            arguments: [id]
        )
    }

    private func groupLoginNames(_ id: Int64) throws -> [String] {
        try String.fetchAll(
            self,
            sql: """
                SELECT DISTINCT groupLoginName.name FROM groupLoginName
                JOIN userGroup ON userGroup.name = groupLoginName.groupName
                WHERE userGroup.userID = ? ORDER BY groupLoginName.name
                """,
            arguments: [id]
        )
    }

    private func keys(_ id: Int64) throws -> [UserKeyRecord] {
        let sql = """
            SELECT fingerprint, type, comment, options FROM publicKey WHERE userID = ?
            ORDER BY rowid
            """
        return try Row.fetchAll(self, sql: sql, arguments: [id]).map { row in
            UserKeyRecord(
                fingerprint: row["fingerprint"],
                type: row["type"],
                comment: row["comment"],
                options: row["options"]
            )
        }
    }

    private func attributes(_ kind: String, _ id: Int64) throws -> [String: MetadataValue] {
        let sql = "SELECT name, value, isSensitive FROM attribute WHERE userID = ? AND kind = ?"
        let rows = try Row.fetchAll(self, sql: sql, arguments: [id, kind])
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (row["name"], MetadataValue(row["value"], sensitive: row["isSensitive"]))
            }
        )
    }
}
