import Foundation
import SharedMessages
import Testing

@Suite("codes of recordings") struct TestedCodesTests {
    @Test("every one is named by a test that causes it")
    func tested() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
        let files = try #require(FileManager.default.enumerator(atPath: root.path))
        var text = ""
        for case let name as String in files
        where name.hasSuffix(".swift") && !name.hasPrefix("SharedMessagesTests/") {
            text += try String(contentsOf: root.appending(path: name), encoding: .utf8)
        }
        let isPart: (Unicode.Scalar) -> Bool = {
            ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_"
        }
        let words = Set(text.unicodeScalars.split { !isPart($0) }.map { String($0) })
        let areas = ["AUDIT_", "AUDITD_", "EVIDENCE_", "RECORDING_"]
        let codes = MessageCode.all.map(\.id).filter { id in areas.contains(where: id.hasPrefix) }
        #expect(codes.count > 70)
        let untested = codes.filter { id in
            let pieces = id.lowercased().split(separator: "_")
            let rest = pieces.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }
            let name = ".\(pieces[0])\(rest.joined())"
            return !words.contains(id) && !text.contains(name)
        }
        #expect(untested == [])
    }
}
