import Foundation

/// The machine's processes, as `/proc` shows them.
enum Processes {
    struct Entry {
        let id: Int32
        let parent: Int32
        /// The command line, blanks between its words.
        let title: String
    }

    static func descendants(of root: Int32) -> [Entry] {
        let all = entries()
        var found: [Entry] = []
        var parents: Set = [root]
        while !parents.isEmpty {
            let children = all.filter { parents.contains($0.parent) }
            found += children
            parents = Set(children.map(\.id))
        }
        return found
    }

    private static func entries() -> [Entry] {
        // Processes that end meanwhile are no entries any more.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let id = Int32(name),
                let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
                let command = try? Data(contentsOf: URL(filePath: "/proc/\(id)/cmdline")),
                let end = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[end...].split(separator: " ")
            guard fields.count > 2, let parent = Int32(fields[2]) else { return nil }
            let title = String(decoding: command, as: UTF8.self)
                .replacing("\0", with: " ")
            return Entry(id: id, parent: parent, title: title)
        }
    }
}
