import Foundation
import SharedConfig
import Testing

@testable import ConfigdCore

@Suite("Rules in a Git working tree")
struct GitTreeTests {
    private static let commit = String(repeating: "a1", count: 20)
    private static let other = String(repeating: "b2", count: 20)

    private func withTree(_ body: (URL) async throws -> Void) async throws {
        try await withFiles([:]) { folder in
            let git = folder.appending(path: ".git")
            let heads = git.appending(path: "refs/heads")
            for place in [heads, folder.appending(path: "rules")] {
                try makeFolder(place)
            }
            try write("ref: refs/heads/main\n", to: git.appending(path: "HEAD"))
            try write(Self.commit + "\n", to: heads.appending(path: "main"))
            try write("rules: []", to: folder.appending(path: "rules/a.yaml"))
            try await body(folder)
        }
    }

    private func makeFolder(_ place: URL) throws {
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    }

    @Test("the commit is found from below, detached, packed, and in a linked tree")
    func commit() async throws {
        try await withTree { folder in
            let git = folder.appending(path: ".git")
            let rules = path(folder.appending(path: "rules"))
            #expect(GitTree(containing: rules)?.commit == Self.commit)
            try FileManager.default.removeItem(at: git.appending(path: "refs/heads/main"))
            #expect(GitTree(containing: rules)?.commit == nil)
            let packed = "# pack-refs with: peeled\n\(Self.other) refs/heads/main\n"
            try write(packed, to: git.appending(path: "packed-refs"))
            #expect(GitTree(containing: rules)?.commit == Self.other)
            try write(Self.commit, to: git.appending(path: "HEAD"))
            #expect(GitTree(containing: rules)?.commit == Self.commit)

            let linked = git.appending(path: "worktrees/next")
            let tree = folder.appending(path: "next")
            for place in [linked, tree] {
                try makeFolder(place)
            }
            try write("gitdir: \(path(linked))\n", to: tree.appending(path: ".git"))
            try write("ref: refs/heads/main\n", to: linked.appending(path: "HEAD"))
            try write("../..\n", to: linked.appending(path: "commondir"))
            #expect(GitTree(containing: path(tree))?.commit == Self.other)
        }
    }

    @Test(
        "a HEAD that is none gives no commit",
        arguments: ["", "ref: ../../etc/passwd", "ref: refs/../../x", "xyz", "\u{0}\u{1}"]
    )
    func hostile(head: String) async throws {
        try await withTree { folder in
            try write(head, to: folder.appending(path: ".git/HEAD"))
            #expect(GitTree(containing: path(folder))?.commit == nil)
        }
    }

    @Test("half a checkout is not taken; a whole one is, with its commit")
    func locked() async throws {
        try await withTree { folder in
            let file = folder.appending(path: "rules/a.yaml")
            let lock = folder.appending(path: ".git/index.lock")
            let book = try RuleBook(paths: [path(folder.appending(path: "rules"))])
            #expect(book.edition == RuleBook.Edition(rules: 0, commits: [Self.commit]))
            try write("", to: lock)
            try write("rules: [{config: {backend: docker}}]", to: file)
            guard case .unchanged = book.refresh() else {
                Issue.record("half a change was taken")
                return
            }
            try write(Self.other, to: folder.appending(path: ".git/refs/heads/main"))
            try FileManager.default.removeItem(at: lock)
            _ = book.refresh()
            #expect(book.edition == RuleBook.Edition(rules: 1, commits: [Self.other]))
        }
    }

    @Test("a lock that somebody left behind is not waited for")
    func abandoned() async throws {
        try await withTree { folder in
            let lock = folder.appending(path: ".git/index.lock")
            try write("", to: lock)
            let old: [FileAttributeKey: Any] = [
                .modificationDate: Date(timeIntervalSinceNow: -3600)
            ]
            try FileManager.default.setAttributes(old, ofItemAtPath: path(lock))
            #expect(GitTree(containing: path(folder))?.isBusy == false)
        }
    }
}
