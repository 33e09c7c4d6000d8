import ConfigClient
import Foundation
import InMemoryLogging
import Logging
import ServiceLifecycle
import SharedConfig
import Testing

@testable import ConfigdCore

@Suite("Reloading")
struct RuleBookTests {
    private static let docker = "rules: [{config: {backend: docker}}]"
    private static let sandbox = "rules: [{config: {backend: sandbox}}]"

    private func backend(_ book: RuleBook) throws -> ConfigTree? {
        try book.rules.answer(question()).config["backend"]
    }

    @Test("the files of a directory are read in order of name, others are left alone")
    func directory() async throws {
        let files = [
            "20-b.yml": Self.docker, "10-a.yaml": Self.sandbox, "readme.txt": "{", ".x.yaml": "{",
            "15.json": #"{"rules":[{"config":{"backend":"sshproxy"}}]}"#,
        ]
        try await withFiles(files) { folder in
            let book = try RuleBook(paths: [path(folder)])
            #expect(book.rules.count == 3)
            #expect(try backend(book) == "docker")
        }
    }

    @Test("a change is taken over, and nothing is read without one")
    func change() async throws {
        try await withFiles(["a.yaml": Self.docker]) { folder in
            let book = try RuleBook(paths: [path(folder)])
            guard case .unchanged = book.refresh() else {
                Issue.record("nothing changed")
                return
            }
            try write(Self.sandbox, to: folder.appending(path: "a.yaml"))
            guard case .replaced(RuleBook.Edition(rules: 1, commits: [])) = book.refresh() else {
                Issue.record("the change was not seen")
                return
            }
            #expect(try backend(book) == "sandbox")
        }
    }

    @Test("a new and a removed file of a directory are seen")
    func comeAndGo() async throws {
        try await withFiles(["a.yaml": Self.docker]) { folder in
            let book = try RuleBook(paths: [path(folder)])
            let other = folder.appending(path: "b.yaml")
            try write(Self.sandbox, to: other)
            _ = book.refresh()
            #expect(try backend(book) == "sandbox")
            try FileManager.default.removeItem(at: other)
            _ = book.refresh()
            #expect(try backend(book) == "docker")
        }
    }

    @Test("a broken file changes nothing, is reported once, and works when it is mended")
    func broken() async throws {
        try await withFiles(["a.yaml": Self.docker]) { folder in
            let file = folder.appending(path: "a.yaml")
            let book = try RuleBook(paths: [path(file)])
            try write("rules: [", to: file)
            guard case .rejected(let problems) = book.refresh() else {
                Issue.record("the broken file was taken")
                return
            }
            #expect(problems.list.first?.origin?.contains("a.yaml:") == true)
            #expect(try backend(book) == "docker")
            guard case .unchanged = book.refresh() else {
                Issue.record("the broken file was read again")
                return
            }
            try write(Self.sandbox, to: file)
            _ = book.refresh()
            #expect(try backend(book) == "sandbox")
        }
    }

    @Test("other paths are read when they are given")
    func paths() async throws {
        try await withFiles(["a.yaml": Self.docker, "b.yaml": Self.sandbox]) { folder in
            let book = try RuleBook(paths: [path(folder.appending(path: "a.yaml"))])
            _ = book.refresh(paths: [path(folder.appending(path: "b.yaml"))])
            #expect(try backend(book) == "sandbox")
        }
    }

    @Test("rules that are not there or wrong stop the start")
    func start() async throws {
        #expect(throws: ConfigProblems.self) { try RuleBook(paths: ["/nonexistent/rules"]) }
        try await withFiles(["a.yaml": "rules: 5", "b.yaml": "x: 1"]) { folder in
            let error = #expect(throws: ConfigProblems.self) {
                try RuleBook(paths: [path(folder)])
            }
            #expect(error?.list.count == 2)
        }
    }

    @Test("the watcher takes changes over by itself, logs them, and ends when it is told to")
    func watcher() async throws {
        try await withFiles(["a.yaml": Self.docker]) { folder in
            let file = folder.appending(path: "a.yaml")
            let book = try RuleBook(paths: [path(file)])
            let log = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in log }
            let watcher = RuleWatcher(book, every: .milliseconds(10), logger: logger)
            let task = Task { try await watcher.run() }
            try write(Self.sandbox, to: file)
            let deadline = ContinuousClock.now + .seconds(150)
            func entries(_ count: Int) async throws {
                while log.entries.count < count, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            try await entries(1)
            #expect(try backend(book) == "sandbox")
            try write("rules: [", to: file)
            try await entries(2)
            task.cancel()
            try await task.value
            let codes = log.entries.map { $0.metadata["code"] }
            #expect(codes == ["CONFIGD_RULES_LOADED", "CONFIGD_RULES_REJECTED"])
        }
    }
}
