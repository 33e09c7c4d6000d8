/// One thing that is wrong with a configuration.
package struct ConfigProblem: Sendable, Hashable {
    /// The key path, for example `ssh.hostkeys[1]`; empty for the file as a whole.
    package var path: String
    /// What was found, secrets masked; `nil` where showing it adds nothing.
    package var value: String?
    /// What must hold, as the end of a sentence: `must be 1...65535`.
    package var rule: String
    /// Where the value was written, for example `line 12` or `BERTH_SSH__LISTEN`.
    package var origin: String?

    package init(_ path: String, value: String? = nil, _ rule: String, origin: String? = nil) {
        self.path = path
        self.value = value
        self.rule = rule
        self.origin = origin
    }
}

extension ConfigProblem: CustomStringConvertible {
    package var description: String {
        var text = path.isEmpty ? "" : "\(path): "
        if let value { text += "is \(value), " }
        text += rule
        if let origin { text += " (\(origin))" }
        return text
    }
}

/// Everything that is wrong with a configuration, in the order of its keys; never empty.
package struct ConfigProblems: Error, Sendable, Hashable {
    package let list: [ConfigProblem]

    package init(_ list: [ConfigProblem]) {
        self.list = list
    }
}

extension ConfigProblems: CustomStringConvertible {
    package var description: String { list.map(\.description).joined(separator: "\n") }
}

/// Builds key paths.
func join(_ path: String, _ key: String) -> String {
    path.isEmpty ? key : "\(path).\(key)"
}
