import AuditClient
import GRDB
import SharedAudit

/// The text of recordings: any part of it, of three characters or more, is found whatever its case
/// (FTS5 with trigrams).
extension RecordingIndex {
    static func makeText(in database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS text_of (
                    number INTEGER PRIMARY KEY,
                    id TEXT NOT NULL UNIQUE,
                    is_complete INTEGER NOT NULL
                );
                CREATE TABLE IF NOT EXISTS piece (
                    number INTEGER PRIMARY KEY,
                    owner INTEGER NOT NULL,
                    kind TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    text TEXT NOT NULL
                );
                CREATE INDEX IF NOT EXISTS piece_owner ON piece (owner, kind, number);
                CREATE VIRTUAL TABLE IF NOT EXISTS piece_text USING fts5 (
                    text, content = 'piece', content_rowid = 'number', tokenize = 'trigram'
                );
                """
        )
    }

    static func forgetText(of id: String, in database: Database) throws {
        let sql = "SELECT number FROM text_of WHERE id = ?"
        guard let owner = try Int64.fetchOne(database, sql: sql, arguments: [id]) else { return }
        try database.execute(
            sql: """
                INSERT INTO piece_text (piece_text, rowid, text)
                    SELECT 'delete', number, text FROM piece WHERE owner = ?
                """,
            arguments: [owner]
        )
        try database.execute(sql: "DELETE FROM piece WHERE owner = ?", arguments: [owner])
        try database.execute(sql: "DELETE FROM text_of WHERE number = ?", arguments: [owner])
    }

    /// Recordings that have ended and whose text is not here, newest first.
    func withoutText() async throws -> [RecordingID] {
        try await database.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT id FROM recording WHERE state <> 'open'
                        AND id NOT IN (SELECT id FROM text_of WHERE is_complete)
                    ORDER BY started_at DESC
                    """
            ).compactMap { RecordingID($0) }
        }
    }

    /// Begins the text of a recording anew; answers what `addText` is to be called with.
    func beginText(_ id: RecordingID) async throws -> Int64 {
        try await database.write { database in
            try Self.forgetText(of: "\(id)", in: database)
            try database.execute(
                sql: "INSERT INTO text_of (id, is_complete) VALUES (?, 0)",
                arguments: ["\(id)"]
            )
            return database.lastInsertedRowID
        }
    }

    func addText(_ pieces: [RecordedText.Piece], to owner: Int64) async throws {
        try await database.write { database in
            for piece in pieces {
                try database.execute(
                    sql: "INSERT INTO piece (owner, kind, at, text) VALUES (?, ?, ?, ?)",
                    arguments: [owner, piece.kind.rawValue, piece.time, piece.text]
                )
                try database.execute(
                    sql: "INSERT INTO piece_text (rowid, text) VALUES (?, ?)",
                    arguments: [database.lastInsertedRowID, piece.text]
                )
            }
        }
    }

    func endText(_ owner: Int64) async throws {
        try await database.write { database in
            try database.execute(
                sql: "UPDATE text_of SET is_complete = 1 WHERE number = ?",
                arguments: [owner]
            )
        }
    }

    /// Lines that were found: of one recording in their order, else the newest first.
    func lines(_ query: TextQuery) async throws -> RecordedLines {
        try await database.read { database in
            let (condition, arguments) = query.condition
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT piece.number, piece.kind, piece.at, piece.text, text_of.id AS owner_id,
                        recording.started_at
                    FROM \(query.text == nil ? "" : "piece_text JOIN ") piece
                        \(query.text == nil ? "" : "ON piece.number = piece_text.rowid")
                        JOIN text_of ON text_of.number = piece.owner
                        JOIN recording ON recording.id = text_of.id
                    WHERE \(condition)
                    ORDER BY piece.number \(query.recording == nil ? "DESC" : "ASC")
                    LIMIT \(query.limit + 1)
                    """,
                arguments: arguments
            )
            let lines = rows.prefix(query.limit).map(RecordedLine.init(row:))
            let last: Int64? = rows.prefix(query.limit).last?["number"]
            let next = rows.count > query.limit ? last : nil
            return RecordedLines(lines: lines, next: next.map(String.init))
        }
    }
}

/// What lines are asked for. Everything given must hold.
struct TextQuery: Sendable, Hashable {
    /// The index knows runs of three characters.
    static let shortest = 3

    var text: String?
    var kind: RecordedText.Piece.Kind?
    var recording: RecordingID?
    /// 1...1000.
    var limit = 100
    /// The number of the last line before.
    var cursor: Int64?

    /// As one string of FTS5.
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    fileprivate var condition: (sql: String, arguments: StatementArguments) {
        var terms = ["text_of.is_complete"]
        var arguments = StatementArguments()
        func add(_ term: String, _ value: any DatabaseValueConvertible) {
            terms.append(term)
            arguments += [value]
        }
        if let text { add("piece_text MATCH ?", Self.quoted(text)) }
        if let kind { add("piece.kind = ?", kind.rawValue) }
        if let recording { add("text_of.id = ?", "\(recording)") }
        if let cursor { add(recording == nil ? "piece.number < ?" : "piece.number > ?", cursor) }
        return (terms.joined(separator: " AND "), arguments)
    }
}

extension RecordedLine {
    fileprivate init(row: Row) {
        let (at, start): (Int64, Int64) = (row["at"], row["started_at"])
        self.init(
            recording: row["owner_id"],
            kind: row["kind"],
            text: row["text"],
            at: at,
            offset: max(0, Double(at &- start) / 1e9)
        )
    }
}
