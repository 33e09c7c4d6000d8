import AuditClient
import GRDB

/// What a list is asked for. Everything given must hold.
struct RecordingQuery: Sendable, Hashable {
    var username: String?
    /// The client's IP as recorded.
    var remoteAddress: String?
    /// Two letters.
    var country: String?
    /// What the backend calls it.
    var container: String?
    /// Something that a terminal showed; at least `TextQuery.shortest` characters.
    var text: String?
    /// Something that was run; at least `TextQuery.shortest` characters.
    var command: String?
    var state: RecordingSummary.State?
    /// Nanoseconds since the Unix epoch; recordings that began at or after it.
    var since: Int64?
    /// Nanoseconds since the Unix epoch; recordings that began before it.
    var until: Int64?
    /// 1...1000.
    var limit = 100
    var cursor: RecordingCursor?

    private static let hasPiece = """
        id IN (
            SELECT text_of.id FROM piece_text
            JOIN piece ON piece.number = piece_text.rowid
            JOIN text_of ON text_of.number = piece.owner
            WHERE piece_text MATCH ? AND piece.kind = ?
        )
        """

    var condition: (sql: String, arguments: StatementArguments) {
        var terms = ["TRUE"]
        var arguments = StatementArguments()
        func add(_ term: String, _ values: [(any DatabaseValueConvertible)?]) {
            terms.append(term)
            arguments += StatementArguments(values)
        }
        if let username { add("username = ?", [username]) }
        if let remoteAddress { add("remote_address = ?", [remoteAddress]) }
        if let country { add("country = ?", [country]) }
        if let container { add("container = ?", [container]) }
        if let state { add("state = ?", [state.rawValue]) }
        if let text { add(Self.hasPiece, [TextQuery.quoted(text), "screen"]) }
        if let command { add(Self.hasPiece, [TextQuery.quoted(command), "command"]) }
        if let since { add("started_at >= ?", [since]) }
        if let until { add("started_at < ?", [until]) }
        if let cursor { add("(started_at, id) < (?, ?)", [cursor.startedAt, cursor.id]) }
        return (terms.joined(separator: " AND "), arguments)
    }
}

/// The last entry of a page. Pages don't shift when recordings are added meanwhile.
struct RecordingCursor: Sendable, Hashable, CustomStringConvertible {
    var startedAt: Int64
    var id: String

    init(_ summary: RecordingSummary) {
        startedAt = summary.facts.startedAt
        id = summary.id
    }

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", maxSplits: 1)
        guard parts.count == 2, let time = Int64(parts[0]), RecordingID(parts[1]) != nil else {
            return nil
        }
        startedAt = time
        id = String(parts[1])
    }

    var description: String { "\(startedAt)-\(id)" }
}
