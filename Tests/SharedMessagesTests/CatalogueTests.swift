import Foundation
import Testing

@testable import SharedMessages

@Suite("The catalogue of message codes")
struct CatalogueTests {
    @Test("no identifier is used twice")
    func unique() {
        let twice = Dictionary(grouping: MessageCode.all, by: \.id).filter { $0.value.count > 1 }
        #expect(twice.keys.sorted() == [])
    }

    @Test("identifiers are words of capitals and digits joined by underscores")
    func wellFormed() {
        let odd = MessageCode.all.filter {
            $0.id.wholeMatch(of: /[A-Z][A-Z0-9]*(_[A-Z0-9]+)*/) == nil
        }
        #expect(odd.map(\.id) == [])
    }

    @Test("all 172 codes known from ContainerSSH exist")
    func complete() {
        #expect(requiredCodes.count == 172)
        #expect(requiredCodes.filter { MessageCode.named($0) == nil } == [])
    }

    @Test("every text says something, in whole sentences, on one line")
    func texts() {
        for code in MessageCode.all {
            for text in [code.explanation, code.remedy, code.personText].compactMap({ $0 }) {
                #expect(text.count >= 5, "\(code.id)")
                #expect(text.hasSuffix("."), "\(code.id): \(text)")
                #expect(!text.contains("\n") && !text.contains("  "), "\(code.id): \(text)")
            }
        }
    }

    @Test("what a person is shown names no host, path, URL or configuration key")
    func personTexts() {
        for code in MessageCode.all {
            guard let text = code.personText else { continue }
            #expect(text.firstMatch(of: /\/|:\/\/|[a-z]\.[a-z]/) == nil, "\(code.id): \(text)")
        }
    }

    @Test("every constant in the sources is part of the catalogue")
    func everyConstantListed() throws {
        let known = Set(MessageCode.all.map(\.id))
        let declared = try declaredConstants()
        #expect(declared.count >= 172)
        let missing = declared.filter { !known.contains($0.id) }.map { "\($0.id) in \($0.file)" }
        #expect(missing == [])
    }

    @Test("the constants of the known codes are named after them")
    func names() throws {
        let names = try Dictionary(
            declaredConstants().map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
        let wrong = requiredCodes.filter { names[$0] != mechanicalName($0) }
        #expect(wrong == [])
    }

    /// `SSH_AUTH_FAILED` becomes `sshAuthFailed`.
    private func mechanicalName(_ id: String) -> String {
        let words = id.lowercased().split(separator: "_")
        return words.prefix(1).joined() + words.dropFirst().map(\.capitalized).joined()
    }

    private struct Constant {
        let name: String
        let id: String
        let file: String
    }

    /// What the sources declare by `static let … = MessageCode("…"`.
    private func declaredConstants() throws -> [Constant] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Shared/Messages").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: nil
        )
        return try files.filter { $0.pathExtension == "swift" }.flatMap { file in
            let source = try String(contentsOf: file, encoding: .utf8)
            let pattern =
                /static let (\w+)(?:: MessageCode)? = (?:MessageCode|Self|\.init)?\(\s*"(\w+)"/
            return source.matches(of: pattern).map {
                Constant(name: String($0.1), id: String($0.2), file: file.lastPathComponent)
            }
        }
    }

    @Test("a code is found by its exact identifier only")
    func lookUp() {
        #expect(MessageCode.named("SSH_AUTH_FAILED") == .sshAuthFailed)
        #expect(MessageCode.named("ssh_auth_failed") == nil)
        #expect(MessageCode.named("") == nil)
    }
}
