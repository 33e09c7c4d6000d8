/// A string that is never printed by accident: it describes itself as `***`.
package struct Secret: Sendable, Hashable {
    private let text: String

    package init(_ text: String = "") {
        self.text = text
    }

    /// The secret itself; for the call that needs it, never for a log or a message.
    package func reveal() -> String { text }

    package var isEmpty: Bool { text.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { text.isEmpty ? "" : "***" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Secret? {
        if let text = String.text(of: tree) { return Secret(text) }
        problems.append(ConfigProblem(path, value: "***", "must be a string"))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .string(showSecrets ? text : description)
    }
}
