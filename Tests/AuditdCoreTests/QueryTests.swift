import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuditdCore

/// What is asked for is what is given, whatever is asked.
@Suite(.timeLimit(.minutes(5))) struct QueryTests {
    private static let words = ["alpha", "beta", "gamma", "Ελλάδα", "50% off", "a_b", "x\"y'z"]

    private struct Entry {
        var summary: RecordingSummary
        var shown: [String]
        var run: [String]

        func fits(_ query: RecordingQuery) -> Bool {
            func has(_ lines: [String], _ text: String?) -> Bool {
                text.map { text in lines.contains { $0.lowercased().contains(text.lowercased()) } }
                    ?? true
            }
            let facts = summary.facts
            return (query.username ?? facts.username) == facts.username
                && (query.remoteAddress ?? facts.remoteAddress) == facts.remoteAddress
                && (query.country ?? facts.country) == facts.country
                && (query.container ?? facts.container) == facts.container
                && (query.state ?? summary.state) == summary.state
                && facts.startedAt >= query.since ?? .min && facts.startedAt < query.until ?? .max
                && has(shown, query.text) && has(run, query.command)
        }
    }

    private func entries(_ generator: inout SeededGenerator) -> [Entry] {
        func some<Value>(_ values: [Value]) -> Value {
            values[Int.random(in: values.indices, using: &generator)]
        }
        return (0..<80).map { number in
            let facts = RecordingFacts(
                remoteAddress: some(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
                country: some(["CH", "DE", "XX"]),
                username: some(["dev", "ops", "d'ev", "100%"]),
                container: some(["box-1", "box-2", ""]),
                // Some at the same time: only their names order them.
                startedAt: Int64.random(in: 1...20, using: &generator)
            )
            return Entry(
                summary: RecordingSummary(
                    id: "\(recordingID(number))",
                    facts: facts,
                    state: some([.finished, .interrupted]),
                    endedAt: 30,
                    size: 1
                ),
                shown: (0..<3).map { _ in "says \(some(Self.words)) here" },
                run: (0..<2).map { _ in "echo \(some(Self.words))" }
            )
        }
    }

    @Test("any combination of filters finds what a look at each entry finds, page by page")
    func combinations() async throws {
        try await withFolder { folder in
            var generator = SeededGenerator(state: 11)
            let index = try RecordingIndex(path: folder + "/index.sqlite")
            let entries = entries(&generator)
            for entry in entries {
                try await index.put([entry.summary])
                let owner = try await index.beginText(try #require(RecordingID(entry.summary.id)))
                let pieces =
                    entry.shown.map { RecordedText.Piece(kind: .screen, text: $0, time: 1) }
                    + entry.run.map { RecordedText.Piece(kind: .command, text: $0, time: 1) }
                try await index.addText(pieces, to: owner)
                try await index.endText(owner)
            }
            var found = 0
            for _ in 0..<300 {
                var query = RecordingQuery()
                func maybe<Value>(_ value: Value) -> Value? {
                    Int.random(in: 0..<3, using: &generator) == 0 ? value : nil
                }
                let model = entries[Int.random(in: entries.indices, using: &generator)]
                let facts = model.summary.facts
                query.username = maybe(facts.username)
                query.remoteAddress = maybe(facts.remoteAddress)
                query.country = maybe(facts.country)
                query.container = maybe(facts.container)
                query.state = maybe(model.summary.state)
                query.since = maybe(facts.startedAt)
                query.until = maybe(facts.startedAt + 5)
                query.text = maybe(String(model.shown[0].dropFirst(5).prefix(6)).uppercased())
                query.command = maybe(String(model.run[0].dropFirst(2)))
                query.limit = Int.random(in: 1...9, using: &generator)
                let expected = entries.filter { $0.fits(query) }.map(\.summary).sorted {
                    ($0.facts.startedAt, $0.id) > ($1.facts.startedAt, $1.id)
                }.map(\.id)
                var seen: [String] = []
                repeat {
                    let page = try await index.page(query)
                    #expect(page.recordings.count <= query.limit)
                    seen += page.recordings.map(\.id)
                    query.cursor = page.next.flatMap { RecordingCursor($0) }
                } while query.cursor != nil
                #expect(seen == expected, "\(query)")
                found += seen.count
            }
            // Or the queries would prove little.
            #expect(found > 300)
            try index.close()
        }
    }

    @Test("what looks like a query's language is text, and is answered or refused, never an error")
    func hostile() async throws {
        let texts = [
            "\"", "\"\"\"", "abc\" OR \"x", "NEAR(abc def)", "text:abc", "abc*", "^abc",
            "abc AND def",
            "{abc", "(abc", "abc + def", "'; DROP TABLE piece; --", "%%%", "___", "\\\\\\",
            "abc\u{0}def", "\u{0}\u{0}\u{0}", "\u{202E}abc", "e\u{301}e\u{301}", "漢字漢字", "🎉🎉🎉",
            "\u{FFFD}\u{FFFD}\u{FFFD}", "\n\r\t", "   ", String(repeating: "x", count: 1024),
            String(repeating: "x", count: 1025), String(repeating: "\"", count: 1000),
        ]
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                for text in texts {
                    var allowed = CharacterSet.alphanumerics
                    allowed.remove(charactersIn: "+")
                    let value = try #require(
                        text.addingPercentEncoding(withAllowedCharacters: allowed)
                    )
                    let isWrong = text.unicodeScalars.count < 3 || text.utf8.count > 1024
                    let hasNUL = text.unicodeScalars.contains("\0")
                    for name in ["text", "command"] {
                        let list = try await auditd.get("/v1/recordings?\(name)=\(value)")
                        #expect(list.status == (isWrong || hasNUL ? 400 : 200), "\(name) \(text)")
                    }
                    let lines = try await auditd.get("/v1/lines?text=\(value)")
                    #expect(lines.status == (isWrong || hasNUL ? 400 : 200), "\(text)")
                    for name in ["user", "address", "country", "container"] {
                        let list = try await auditd.get("/v1/recordings?\(name)=\(value)")
                        #expect(list.status == (hasNUL ? 400 : 200), "\(name) \(text)")
                    }
                    for name in ["state", "since", "until", "limit", "cursor"] {
                        let list = try await auditd.get("/v1/recordings?\(name)=\(value)")
                        #expect(list.status == 400, "\(name) \(text)")
                        #expect(list.refusal?.code == MessageCode.auditdBadQuery.id)
                    }
                }
                for path in [
                    "/v1/recordings?limit=0", "/v1/recordings?limit=1001",
                    "/v1/recordings?limit=-1",
                    "/v1/recordings?cursor=1-x", "/v1/recordings?since=2024-13-01",
                    "/v1/recordings?cursor=99999999999999999999-\(recordingID(1))",
                    "/v1/lines?text=abc&cursor=99999999999999999999",
                ] {
                    let reply = try await auditd.get(path)
                    #expect(reply.status == 400, "\(path)")
                }
                // What is asked for twice or is not known changes nothing.
                for path in [
                    "/v1/recordings?user=a&user=b", "/v1/recordings?colour=red", "/v1/recordings?",
                ] {
                    let reply = try await auditd.get(path)
                    #expect(reply.status == 200, "\(path)")
                }
            }
        }
    }
}
