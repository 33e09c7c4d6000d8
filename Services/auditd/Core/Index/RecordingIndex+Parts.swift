import AuditClient
import GRDB

/// Recordings that came to several auditds: each part has a row of its own, and the list shows
/// them as one.
extension RecordingIndex {
    static func makeParts(in database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS part (
                    id TEXT PRIMARY KEY,
                    started_at INTEGER NOT NULL,
                    ended_at INTEGER,
                    username TEXT NOT NULL,
                    remote_address TEXT NOT NULL,
                    country TEXT NOT NULL,
                    format TEXT NOT NULL,
                    state TEXT NOT NULL,
                    size INTEGER NOT NULL,
                    container TEXT NOT NULL,
                    whole TEXT NOT NULL
                );
                CREATE INDEX IF NOT EXISTS part_whole ON part (whole);
                """
        )
    }

    /// The parts of a recording; empty for one that is in one piece.
    func parts(of id: RecordingID) async throws -> [RecordingID] {
        try await database.read { database in
            try String.fetchAll(
                database,
                sql: "SELECT id FROM part WHERE whole = ?",
                arguments: ["\(id.whole)"]
            ).compactMap { RecordingID($0) }
        }
    }

    /// What the list is to say of the recording that `entry` is, or is a part of.
    static func joined(
        _ entry: RecordingSummary,
        in database: Database
    ) throws -> RecordingSummary {
        guard let id = RecordingID(entry.id) else { return entry }
        let known = try parts(of: id.whole, in: database)
        guard !id.isWhole || !known.isEmpty else { return entry }
        if known.isEmpty,
            let first = try Row.fetchOne(
                database,
                sql: "SELECT * FROM recording WHERE id = ?",
                arguments: ["\(id.whole)"]
            )
        {
            try putPart(RecordingSummary(row: first), of: id.whole, in: database)
        }
        try putPart(entry, of: id.whole, in: database)
        return RecordingSummary.joined(try parts(of: id.whole, in: database)) ?? entry
    }

    /// Forgets a part; whether nothing is left of its recording.
    static func isLast(_ id: String, in database: Database) throws -> Bool {
        guard let name = RecordingID(id) else { return true }
        try database.execute(sql: "DELETE FROM part WHERE id = ?", arguments: [id])
        guard let rest = RecordingSummary.joined(try parts(of: name.whole, in: database)) else {
            return true
        }
        try put(rest, in: database)
        return false
    }

    private static func parts(
        of id: RecordingID,
        in database: Database
    ) throws -> [RecordingSummary] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM part WHERE whole = ?",
            arguments: ["\(id)"]
        ).map(RecordingSummary.init(row:))
    }

    private static func putPart(
        _ entry: RecordingSummary,
        of whole: RecordingID,
        in database: Database
    ) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: entry.row + ["\(whole)"]
        )
    }
}

extension RecordingSummary {
    /// What is to be said of a recording that has these parts; `nil` without one.
    ///
    /// The gateway tells each auditd all facts. Only a part that was found in a storage says nothing
    /// of the client, as it begins in the middle. The end is told to one, and to a further one when
    /// the first did not answer: that part may well be empty.
    static func joined(_ parts: [RecordingSummary]) -> RecordingSummary? {
        let parts = parts.compactMap { part in RecordingID(part.id).map { (id: $0, entry: part) } }
            .sorted { $0.id.part < $1.id.part }
        guard let last = parts.last, let first = parts.first else { return nil }
        let ending = parts.last { $0.entry.state == .finished } ?? last
        let known = parts.last { !$0.entry.facts.remoteAddress.isEmpty } ?? first
        return RecordingSummary(
            id: "\(last.id.whole)",
            facts: known.entry.facts,
            state: ending.entry.state,
            endedAt: ending.entry.endedAt,
            // The offset is what somebody sent.
            size: parts.map { $0.id.offset.addingReportingOverflow($0.entry.size) }
                .map { $0.overflow ? .max : $0.partialValue }.max() ?? 0
        )
    }
}
