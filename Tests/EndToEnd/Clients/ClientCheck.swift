import Foundation
import Testing

/// Something an SSH client does, as a script of the folder Checks; see `lib.bash` there.
struct ClientCheck: Sendable, CustomTestStringConvertible {
    /// The script's name without its suffix.
    let name: String
    /// The client, as its users call it.
    let client: String
    /// What the check has it do.
    let what: String
    /// Programs of the PATH, or paths, without which it cannot run.
    let needs: [String]
    /// Programs that it wants to find at the other end beside a shell and the usual small tools.
    let there: [String]

    var testDescription: String { name }

    static let folder = Surroundings.root.appending(path: "Tests/EndToEnd/Clients/Checks")

    /// All checks, by name.
    static let all: [ClientCheck] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".bash") && $0 != "lib.bash" }.sorted()
            .compactMap { ClientCheck(script: folder.appending(path: $0)) }
    }()

    var script: String { Self.folder.appending(path: name + ".bash").path }

    /// The first thing it needs that this machine lacks.
    var missing: String? { needs.first { !Self.exists($0) } }

    /// Reads the comments at the head of a script; `nil` where they are not as they should be.
    private init?(script: URL) {
        guard let text = try? String(contentsOf: script, encoding: .utf8) else { return nil }
        let heads = text.split(separator: "\n").prefix { $0.hasPrefix("# ") }
        func value(_ key: String) -> String? {
            heads.first { $0.hasPrefix("# \(key): ") }.map { String($0.dropFirst(key.count + 4)) }
        }
        guard let client = value("client"), let what = value("what") else { return nil }
        name = script.deletingPathExtension().lastPathComponent
        self.client = client
        self.what = what
        func words(_ key: String) -> [String] {
            value(key)?.split(separator: " ").map(String.init) ?? []
        }
        needs = words("needs")
        there = words("there")
    }

    private static func exists(_ need: String) -> Bool {
        guard !need.hasPrefix("/") else { return FileManager.default.fileExists(atPath: need) }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { Surroundings.isExecutable("\($0)/\(need)") }
    }
}

/// What came of a check with a backend; the page of the clients is made of these.
struct ClientCheckResult: Codable, Sendable {
    var name: String
    var backend: String
    var client: String
    var what: String
    /// `passed`, `failed`, or why it was not run.
    var outcome: String
    /// Programs at the other end that were put there for it.
    var there: [String]

    init(_ check: ClientCheck, backend: String, outcome: String, there: [String] = []) {
        name = check.name
        client = check.client
        what = check.what
        self.backend = backend
        self.outcome = outcome
        self.there = there
    }

    /// Leaves the result for deploy/dev/clients.py.
    func save() throws {
        let folder = Surroundings.results.appending(path: "clients")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(self).write(to: folder.appending(path: "\(backend)-\(name).json"))
    }
}
