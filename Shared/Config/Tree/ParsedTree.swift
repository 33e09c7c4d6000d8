/// What reading a text gave.
package struct ParsedTree: Sendable {
    package var tree: ConfigTree
    /// Key path to where it was written, for example `line 12`; empty unless asked for.
    package var origins: [String: String]

    package init(tree: ConfigTree, origins: [String: String] = [:]) {
        self.tree = tree
        self.origins = origins
    }

    /// Where a key path was written, or the nearest one above it that is known.
    package func origin(of path: String) -> String? {
        var path = path[...]
        while !path.isEmpty {
            if let origin = origins[String(path)] { return origin }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
            path = path[..<cut]
        }
        return nil
    }
}

/// The bounds within which a text is read; beyond them it is refused.
package enum TreeLimits {
    /// Bytes of a text; a file with many inline certificates is far below.
    package static let bytes = 8 << 20
    /// Maps and lists inside each other; the schema itself needs 7.
    package static let depth = 64
    /// Values after aliases have been followed; ten times what a large file holds.
    package static let values = 200_000
}
