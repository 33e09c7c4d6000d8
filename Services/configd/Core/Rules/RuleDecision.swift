package import ConfigClient
import SharedConfig

/// What rules answer, and which of them did.
package struct RuleDecision: Sendable {
    package internal(set) var response = ConfigResponse()
    var entries: [RuleEntry] = []

    /// A rule that had a part in it.
    package struct Rule: Sendable, Hashable {
        /// The rule's own name, or file and place.
        package let name: String
        /// `base`, `team`, `user` or `exception`.
        package let layer: String
        /// `file:line`.
        package let place: String
    }

    /// In the order in which they were laid over each other.
    package var rules: [Rule] {
        entries.map { Rule(name: $0.title, layer: $0.layer.rawValue, place: $0.place) }
    }

    /// Key path of the reply, such as `config.backend` or `environment.LANG`, to the `file:line`
    /// that had the last word on it.
    package var origins: [String: String] {
        var origins: [String: String] = [:]
        for entry in entries { entry.rule.note(entry, in: &origins) }
        return origins
    }

    /// Where a key path, or the nearest above it that has one, comes from.
    package func origin(of path: String) -> String? {
        ParsedTree(tree: .null, origins: origins).origin(of: path)
    }
}

extension RuleConfig {
    fileprivate func note(_ entry: RuleEntry, in origins: inout [String: String]) {
        for leaf in ReplyChecker.wireForm(of: config).leaves(at: "config") {
            // An empty map changes nothing where there is one.
            let isPatch = leaf.value == .map([:])
            let below = "\(leaf.path)."
            if isPatch, origins.keys.contains(where: { $0.hasPrefix(below) }) { continue }
            guard leaf.path != "config" else { continue }
            origins = origins.filter { path, _ in
                !path.hasPrefix(below) && !leaf.path.hasPrefix("\(path).")
            }
            origins[leaf.path] = entry.place(of: leaf.path)
        }
        for key in metadata.keys { origins["metadata.\(key)"] = entry.place(of: "metadata.\(key)") }
        for key in environment.keys {
            origins["environment.\(key)"] = entry.place(of: "environment.\(key)")
        }
        for key in files.keys { origins["files.\(key)"] = entry.place(of: "files.\(key)") }
        guard !authenticatedUsername.isEmpty else { return }
        origins["authenticatedUsername"] = entry.place(of: "authenticatedUsername")
    }
}
