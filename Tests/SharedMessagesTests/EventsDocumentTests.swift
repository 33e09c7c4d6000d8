import Foundation
import SharedMessages
import Testing

@Suite("docs/events.md")
struct EventsDocumentTests {
    private struct Mention: Hashable {
        let code: String
        /// The level and the audit flag, as the document has them.
        let traits: String
    }

    private let text: String
    private let mentions: [Mention]

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/events.md").standardizedFileURL
        text = try String(contentsOf: file, encoding: .utf8)
        mentions = text.matches(of: /`([A-Z][A-Z0-9_]+)` \(([a-z, ]+)\)/).map {
            Mention(code: String($0.output.1), traits: String($0.output.2))
        }
    }

    @Test("names codes that exist, with their level and audit flag")
    func codes() {
        #expect(mentions.count > 80)
        for mention in mentions {
            let code = MessageCode.named(mention.code)
            let traits = code.map { "\($0.level)" + ($0.isAudit ? ", audit" : "") }
            #expect(traits == mention.traits, "\(mention.code)")
        }
    }

    @Test("has a code in every row")
    func rows() {
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }
            .filter { !$0.hasPrefix("| what happens") && !$0.hasPrefix("| ---") }
        #expect(!rows.isEmpty)
        for row in rows { #expect(row.contains(" `"), "\(row)") }
    }

    @Test("names every code of sessions, recordings and the policy")
    func complete() {
        let named = Set(mentions.map(\.code))
        let answers: Set = ["GATEWAY_SESSION_UNKNOWN", "GATEWAY_KILL_INVALID"]
        let own = MessageCode.areas.filter { ["Sessions", "Policy"].contains($0.title) }
            .flatMap(\.codes).map(\.id)
        #expect(own.count > 25)
        for code in own where !answers.contains(code) { #expect(named.contains(code), "\(code)") }
    }
}
