import FoundationEssentials

/// Reads a configuration: file, then environment, then overrides, then one strict decode.
package enum ConfigLoader {
    /// Loads the configuration of a daemon. Reads files and so blocks.
    ///
    /// A file whose name ends in `.json` is JSON, any other is YAML; no path means that only
    /// defaults, environment and overrides count. `overrides` are texts of the form `key=value`.
    /// Whatever is wrong is reported together.
    package static func load(
        path: String?,
        environment: [String: String],
        overrides: [String]
    ) throws(ConfigProblems) -> LoadedConfig {
        var file = ConfigFile(path: path ?? "", bytes: [])
        if let path { file.bytes = try read(path) }
        return try load(file, environment: environment, overrides: overrides, readFile: read)
    }

    /// The same with the file's content given, and `readFile` for variables that name one.
    package static func load(
        _ file: ConfigFile,
        environment: [String: String] = [:],
        overrides: [String] = [],
        readFile: (String) throws(ConfigProblems) -> [UInt8] = ConfigLoader.read
    ) throws(ConfigProblems) -> LoadedConfig {
        var draft = try ConfigDraft(file)
        draft.migrateDeprecatedKeys()
        draft.apply(environment, readFile: readFile)
        draft.apply(overrides)
        return try draft.decode()
    }

    /// Reads a whole file of a size that a configuration can have.
    package static func read(_ path: String) throws(ConfigProblems) -> [UInt8] {
        do {
            let content = try Data(contentsOf: URL(filePath: path))
            return Array(content)
        } catch {
            let rule = "cannot be read: \(path)"
            throw ConfigProblems([ConfigProblem("", rule)])
        }
    }
}

/// The content of a configuration file and the name that says its format.
package struct ConfigFile: Sendable {
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    package var isJSON: Bool { path.hasSuffix(".json") }

    /// The file as a tree with the lines of its keys; an empty file is an empty map.
    package func parse() throws(ConfigProblems) -> ParsedTree {
        guard isJSON else { return try YAMLTree.parse(bytes, keepsOrigins: true) }
        let isBlank = bytes.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        return isBlank
            ? ParsedTree(tree: .map([:])) : try JSONTree.parse(bytes, keepsOrigins: true)
    }
}
