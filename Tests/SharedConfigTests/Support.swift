import SharedConfig

/// Loads a YAML text as a configuration file.
func load(
    _ yaml: String,
    named path: String = "config.yaml",
    environment: [String: String] = [:],
    overrides: [String] = [],
    files: [String: String] = [:]
) throws(ConfigProblems) -> LoadedConfig {
    try ConfigLoader.load(
        ConfigFile(path: path, bytes: Array(yaml.utf8)),
        environment: environment,
        overrides: overrides,
        readFile: { (path) throws(ConfigProblems) in
            guard let text = files[path] else {
                throw ConfigProblems([ConfigProblem("", "cannot be read: \(path)")])
            }
            return Array(text.utf8)
        }
    )
}

/// The problems of a text; empty if it loads.
func problems(
    _ yaml: String,
    named path: String = "config.yaml",
    environment: [String: String] = [:],
    overrides: [String] = []
) -> [String] {
    do {
        _ = try load(yaml, named: path, environment: environment, overrides: overrides)
        return []
    } catch {
        return error.list.map(\.description)
    }
}

func yaml(_ text: String) throws -> ConfigTree {
    try YAMLTree.parse(Array(text.utf8)).tree
}

func json(_ text: String) throws -> ConfigTree {
    try JSONTree.parse(Array(text.utf8)).tree
}
