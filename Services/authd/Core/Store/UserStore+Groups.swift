import AuthClient
import GRDB
import SharedMessages

extension UserStore {
    func groups() async throws -> [GroupRecord] {
        try await read { database in
            // Groups that are only named by users exist too.
            let names = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM accountGroup UNION SELECT name FROM userGroup ORDER BY name
                    """
            )
            return try names.map { try database.group($0) }
        }
    }

    /// Sets what the group brings; makes it if need be.
    func setGroup(_ group: NewGroup) async throws -> GroupRecord {
        try await write("group set", group.name) { database in
            try database.execute(
                sql: """
                    INSERT INTO accountGroup (name, description) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET description = excluded.description
                    """,
                arguments: [group.name, group.description ?? ""]
            )
            try database.execute(
                sql: "DELETE FROM groupLoginName WHERE groupName = ?",
                arguments: [group.name]
            )
            for name in Set(group.loginNames ?? []) {
                try database.execute(
                    sql: "INSERT INTO groupLoginName (groupName, name) VALUES (?, ?)",
                    arguments: [group.name, name]
                )
            }
            return try database.group(group.name)
        }
    }

    /// Removes the group, also from its members. Throws `AUTHD_GROUP_UNKNOWN`.
    func removeGroup(_ name: String) async throws {
        try await write("group removed", name) { database in
            try database.execute(sql: "DELETE FROM accountGroup WHERE name = ?", arguments: [name])
            let wasThere = database.changesCount > 0
            try database.execute(sql: "DELETE FROM userGroup WHERE name = ?", arguments: [name])
            guard wasThere || database.changesCount > 0 else {
                throw CodedError(.authdGroupUnknown)
            }
        }
    }
}

extension Database {
    fileprivate func group(_ name: String) throws -> GroupRecord {
        GroupRecord(
            name: name,
            description: try String.fetchOne(
                self,
                sql: "SELECT description FROM accountGroup WHERE name = ?",
                arguments: [name]
            ) ?? "",
            loginNames: try String.fetchAll(
                self,
                sql: "SELECT name FROM groupLoginName WHERE groupName = ? ORDER BY name",
                arguments: [name]
            ),
            members: try String.fetchAll(
                self,
                sql: """
                    SELECT user.name FROM userGroup JOIN user ON user.id = userGroup.userID
                    WHERE userGroup.name = ? ORDER BY user.name
                    """,
                arguments: [name]
            )
        )
    }
}
