import Foundation
import SharedMessages
import Testing

/// Every code of these backends is caused and looked at by some test: a catalogue that nobody checks
/// tells people of things that never happen.
@Suite("The codes of Docker and Kubernetes")
struct CodeCoverageTests {
    private static let areas = ["DOCKER_", "KUBERNETES_", "KUBERUN_", "DOCKERRUN_"]
    private static let codes = MessageCode.all.filter { code in
        areas.contains { code.id.hasPrefix($0) }
    }

    private static let tests: String = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var text = ""
        while let file = files?.nextObject() as? URL {
            // The lists of what there is prove nothing.
            guard file.pathExtension == "swift", !file.path.contains("/SharedMessagesTests/"),
                !file.path.contains("/Fakes/")
            else { continue }
            text += (try? String(contentsOf: file, encoding: .utf8)) ?? ""  // Counts as empty.
        }
        return text
    }()

    /// As the catalogue spells it in Swift.
    private static func name(_ code: MessageCode) -> String {
        let words = code.id.split(separator: "_").map { $0.lowercased() }
        return words.dropFirst().reduce(words[0]) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }

    @Test("all of them are named by a test", arguments: codes.map(\.id))
    func named(_ id: String) throws {
        let code = try #require(Self.codes.first { $0.id == id })
        let isNamed = Self.tests.firstRange(of: ".\(Self.name(code))") != nil
        #expect(isNamed || Self.tests.contains("\"\(id)\""))
    }

    @Test("there are those of ContainerSSH and some more")
    func many() {
        #expect(Self.codes.count { $0.id.hasPrefix("DOCKER_") } >= 46)
        #expect(Self.codes.count { $0.id.hasPrefix("KUBE") } >= 29)
    }
}
