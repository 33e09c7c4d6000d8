import Foundation

/// The Git working tree that a path is in, read without Git (gitrepository-layout(5)).
struct GitTree: Sendable {
    /// The folder that holds `HEAD` and the index.
    private let folder: URL
    /// The folder that holds the branches; another one in a linked working tree.
    private let common: URL

    /// A lock that is older than this is nobody's any more.
    private static let patience: TimeInterval = 60
    /// Bytes of a file of Git's that is read.
    private static let limit = 1 << 20

    /// Looks for the nearest working tree above `path`; `nil` where there is none.
    init?(containing path: String) {
        var place = URL(filePath: path).resolvingSymlinksInPath()
        var depth = 0
        while depth < 64 {
            if let folder = Self.folder(place.appending(path: ".git")) {
                self.folder = folder
                let other = Self.line(folder.appending(path: "commondir"))
                common = other.map { URL(filePath: $0, relativeTo: folder.asFolder) } ?? folder
                return
            }
            let above = place.deletingLastPathComponent()
            guard above.path != place.path else { return nil }
            place = above
            depth += 1
        }
        return nil
    }

    /// The commit that is checked out; `nil` if it cannot be told.
    var commit: String? {
        guard let head = Self.line(folder.appending(path: "HEAD")) else { return nil }
        guard head.hasPrefix("ref: ") else { return Self.hash(head) }
        let name = String(head.dropFirst("ref: ".count))
        guard name.hasPrefix("refs/"), !name.contains("..") else { return nil }
        if let line = Self.line(common.appending(path: name)) { return Self.hash(line) }
        let packed = Self.text(common.appending(path: "packed-refs")) ?? ""
        let line = packed.split(separator: "\n").first { $0.hasSuffix(" \(name)") }
        return line.flatMap { Self.hash(String($0.prefix { $0 != " " })) }
    }

    /// Whether Git is just changing files here.
    var isBusy: Bool {
        let lock = folder.appending(path: "index.lock").path(percentEncoded: false)
        guard let facts = try? FileManager.default.attributesOfItem(atPath: lock) else {
            return false  // there is no lock
        }
        let date = facts[.modificationDate] as? Date ?? .distantPast
        return -date.timeIntervalSinceNow < Self.patience
    }

    private static func folder(_ place: URL) -> URL? {
        var isFolder: ObjCBool = false
        let path = place.path(percentEncoded: false)
        let exists = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard exists else { return nil }
        if isFolder.boolValue { return place }
        // A linked working tree names the folder in a file.
        guard let line = line(place), line.hasPrefix("gitdir: ") else { return nil }
        let name = String(line.dropFirst("gitdir: ".count))
        return URL(filePath: name, relativeTo: place.deletingLastPathComponent().asFolder)
    }

    private static func text(_ file: URL) -> String? {
        guard let handle = try? FileHandle(forReadingFrom: file) else { return nil }  // not there
        defer { try? handle.close() }  // it was only read
        guard let data = try? handle.read(upToCount: limit) else { return nil }  // unreadable
        return String(decoding: data, as: UTF8.self)
    }

    private static func line(_ file: URL) -> String? {
        text(file)?.split(separator: "\n").first.map(String.init)
    }

    private static func hash(_ text: String) -> String? {
        let isHash = [40, 64].contains(text.count) && text.allSatisfy(\.isHexDigit)
        return isHash ? text : nil
    }
}

extension URL {
    fileprivate var asFolder: URL {
        URL(filePath: path(percentEncoded: false), directoryHint: .isDirectory)
    }
}
