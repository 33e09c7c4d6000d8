import FoundationEssentials

/// A PEM text, given inline or as the name of a file that holds it.
///
/// A value whose first characters that are not blank are `-----` is the text itself.
package struct PEMSource: Sendable, Hashable {
    /// What the configuration says.
    private let raw: String

    package init(_ raw: String = "") {
        self.raw = raw
    }

    package var isEmpty: Bool { raw.isEmpty }

    /// The name of the file, or `nil` if the text is inline or nothing is set.
    package var file: String? { isEmpty || isInline ? nil : raw }

    package var isInline: Bool { raw.drop(while: \.isWhitespace).hasPrefix("-----") }

    /// The PEM text. Reads a file and so blocks; call it at start-up.
    ///
    /// - Throws: the error of the file system if the file cannot be read as UTF-8.
    package func load() throws -> String {
        guard let file else { return raw }
        return try String(contentsOf: URL(filePath: file), encoding: .utf8)
    }
}

extension PEMSource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        guard isInline else { return raw }
        return raw.contains("PRIVATE KEY") ? "***" : raw
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension PEMSource: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> PEMSource? {
        if let text = String.text(of: tree) { return PEMSource(text) }
        let rule = "must be a file name or a PEM text"
        problems.append(ConfigProblem(path, value: tree.kind, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .string(showSecrets ? raw : description)
    }
}
