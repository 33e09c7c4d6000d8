import AuditClient
import GRDB

/// The list of recordings in SQLite. It holds nothing that can't be read from the recordings, so
/// it is written without waiting for the disk, and made anew if it is lost.
struct RecordingIndex: Sendable {
    let database: DatabasePool

    /// Opens the file or makes it.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        database = try DatabasePool(path: path, configuration: configuration)
        try database.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS recording (
                        id TEXT PRIMARY KEY,
                        started_at INTEGER NOT NULL,
                        ended_at INTEGER,
                        username TEXT NOT NULL,
                        remote_address TEXT NOT NULL,
                        country TEXT NOT NULL,
                        format TEXT NOT NULL,
                        state TEXT NOT NULL,
                        size INTEGER NOT NULL,
                        container TEXT NOT NULL DEFAULT ''
                    );
                    CREATE INDEX IF NOT EXISTS recording_time ON recording (started_at, id);
                    CREATE INDEX IF NOT EXISTS recording_user
                        ON recording (username, started_at, id);
                    CREATE INDEX IF NOT EXISTS recording_address
                        ON recording (remote_address, started_at, id);
                    """
            )
            try Self.addContainer(to: database)
            try Self.makeParts(in: database)
            try Self.makeText(in: database)
        }
    }

    /// Files of earlier versions don't have that column.
    private static func addContainer(to database: Database) throws {
        let names = try database.columns(in: "recording").map(\.name)
        if !names.contains("container") {
            let sql = "ALTER TABLE recording ADD COLUMN container TEXT NOT NULL DEFAULT ''"
            try database.execute(sql: sql)
        }
        let sql = """
            CREATE INDEX IF NOT EXISTS recording_container
                ON recording (container, started_at, id);
            """
        try database.execute(sql: sql)
    }

    /// Adds or replaces entries.
    func put(_ entries: [RecordingSummary]) async throws {
        guard !entries.isEmpty else { return }
        try await database.write { database in
            for entry in entries {
                try Self.put(try Self.joined(entry, in: database), in: database)
            }
        }
    }

    static func put(_ entry: RecordingSummary, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO recording VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: entry.row
        )
    }

    func remove(_ ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        try await database.write { database in
            for id in ids {
                guard try Self.isLast(id, in: database) else { continue }
                let id = RecordingID(id).map { "\($0.whole)" } ?? id
                try database.execute(sql: "DELETE FROM recording WHERE id = ?", arguments: [id])
                try Self.forgetText(of: id, in: database)
            }
        }
    }

    /// Fills in what a recording that has ended says of itself.
    func correct(_ id: RecordingID, _ seen: SeenFacts) async throws {
        guard seen.endedAt > 0 else { return }
        try await database.write { database in
            try database.execute(
                sql: """
                    UPDATE recording SET ended_at = ?,
                        username = CASE username WHEN '' THEN ? ELSE username END,
                        container = CASE container WHEN '' THEN ? ELSE container END
                    WHERE id = ? AND state <> 'open'
                    """,
                arguments: [seen.endedAt, seen.username, seen.container, "\(id)"]
            )
        }
    }

    func entry(_ id: RecordingID) async throws -> RecordingSummary? {
        try await database.read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM recording WHERE id = ?",
                arguments: ["\(id)"]
            ).map(RecordingSummary.init(row:))
        }
    }

    /// Names with their states; of recordings in parts those of the parts.
    func states() async throws -> [String: RecordingSummary.State] {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT id, state FROM part UNION ALL
                    SELECT id, state FROM recording WHERE id NOT IN (SELECT whole FROM part)
                    """
            )
            return Dictionary(
                uniqueKeysWithValues: rows.map { row in
                    (row["id"], RecordingSummary.State(rawValue: row["state"]) ?? .open)
                }
            )
        }
    }

    func page(_ query: RecordingQuery) async throws -> RecordingPage {
        try await database.read { database in
            let (condition, arguments) = query.condition
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM recording WHERE \(condition)
                    ORDER BY started_at DESC, id DESC LIMIT \(query.limit + 1)
                    """,
                arguments: arguments
            )
            let entries = rows.prefix(query.limit).map(RecordingSummary.init(row:))
            let next = rows.count > query.limit ? entries.last.map(RecordingCursor.init) : nil
            return RecordingPage(recordings: entries, next: next?.description)
        }
    }

    func close() throws { try database.close() }
}

extension RecordingSummary {
    var row: StatementArguments {
        [
            id, facts.startedAt, endedAt, facts.username, facts.remoteAddress, facts.country,
            facts.format.rawValue, state.rawValue, Int64(clamping: size),
            facts.container,
        ]
    }

    init(row: Row) {
        self.init(
            id: row["id"],
            facts: RecordingFacts(
                remoteAddress: row["remote_address"],
                country: row["country"],
                username: row["username"],
                container: row["container"],
                startedAt: row["started_at"],
                format: RecordingFormat(rawValue: row["format"]) ?? .binary
            ),
            state: State(rawValue: row["state"]) ?? .interrupted,
            endedAt: row["ended_at"],
            size: UInt64(clamping: row["size"] as Int64)
        )
    }
}
