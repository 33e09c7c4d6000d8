import Foundation
import SharedMessages
import Testing

@Suite("docs/codes.md")
struct CodesDocumentTests {
    @Test("the committed document is what the catalogue gives (berth codes --markdown)")
    func fresh() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/codes.md").standardizedFileURL
        let committed = try String(contentsOf: file, encoding: .utf8)
        let isFresh = committed == CodesDocument.markdown()
        #expect(isFresh, "run: berth codes --markdown > docs/codes.md")
    }

    @Test("every code has one entry")
    func entries() {
        let headings = CodesDocument.markdown().split(separator: "\n")
            .filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
        #expect(headings == MessageCode.all.map(\.id))
    }

    @Test("a terminal's entry has level, explanation, person's text and remedy")
    func terminal() {
        let text = MessageCode.sshAuthFailed.terminalText
        #expect(text.hasPrefix("SSH_AUTH_FAILED (info, audit)\n"))
        #expect(text.contains("Shown to the person: Authentication failed."))
        #expect(text.contains("What to do: "))
    }
}
