import ArgumentParser
import AuditClient
import Foundation

/// `berth recording list`
struct RecordingListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists recordings, newest first."
    )

    @OptionGroup var auditd: AuditdOptions

    @Option(help: "Only recordings of this login name.")
    var user: String?

    @Option(help: "Only recordings of connections from this IP address.")
    var address: String?

    @Option(help: "Only recordings from this country, two letters.")
    var country: String?

    @Option(help: "Only recordings of this container.")
    var container: String?

    @Option(help: "Only where a terminal showed this, whatever its case.")
    var text: String?

    @Option(help: "Only where a command with this in it was run.")
    var command: String?

    @Option(help: "Only open, finished or interrupted ones.")
    var state: String?

    @Option(help: "Only what began at or after this time, such as 2024-05-01T10:00:00Z.")
    var since: String?

    @Option(help: "Only what began before this time.")
    var until: String?

    @Option(help: "At most this many.")
    var limit = 50

    @Flag(help: "One JSON object per recording and line.")
    var json = false

    func validate() throws {
        guard limit >= 1 else { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        var left = limit
        var cursor: String?
        repeat {
            let page = try await page(cursor, limit: min(left, 1000))
            for recording in page.recordings { try show(recording) }
            left -= page.recordings.count
            cursor = page.next
        } while cursor != nil && left > 0
    }

    private func page(_ cursor: String?, limit: Int) async throws -> RecordingPage {
        let given = [
            ("user", user), ("address", address), ("since", since), ("until", until),
            ("country", country), ("container", container), ("text", text),
            ("command", command), ("state", state), ("cursor", cursor), ("limit", String(limit)),
        ]
        let query = given.compactMap { name, value in
            value.map { "\(name)=\($0.queryEncoded)" }
        }
        let path = RecordingRoutes.list + "?" + query.joined(separator: "&")
        return try await auditd.decode(RecordingPage.self, path)
    }

    private func show(_ recording: RecordingSummary) throws {
        guard json else { return print(recording.line) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(recording), as: UTF8.self))
    }
}

extension RecordingSummary {
    /// One line for a terminal; the user's name comes from outside.
    fileprivate var line: String {
        let start = Date(timeIntervalSince1970: Double(facts.startedAt) / 1e9)
        let fields = [
            id, start.formatted(.iso8601), state.rawValue, String(size),
            facts.remoteAddress, facts.country, facts.username.isEmpty ? "-" : facts.username,
        ]
        return fields.joined(separator: "  ").printable
    }
}

extension String {
    /// For the value of a query parameter (RFC 3986 §3.4).
    var queryEncoded: String {
        let plain = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:"
        )
        return addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}
