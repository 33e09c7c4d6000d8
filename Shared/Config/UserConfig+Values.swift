extension UserConfig {
    /// Every value that is not the default, by its key path, in order; secrets as `***`.
    package var settings: [(path: String, value: ConfigTree)] {
        let defaults = Dictionary(
            ConfigWriter.write(UserConfig(), showSecrets: false).tree.leaves(),
            uniquingKeysWith: { first, _ in first }
        )
        return ConfigWriter.write(self, showSecrets: false).tree.leaves()
            .filter { defaults[$0.path] != $0.value && $0.value != .map([:]) }
    }

    /// Where this is not as `expected` says, which need not say everything: key path, what was
    /// expected, what is there.
    ///
    /// Throws what of `expected` is no configuration of a person.
    package func differences(
        from expected: ConfigTree
    ) throws(ConfigProblems) -> [(path: String, expected: ConfigTree?, found: ConfigTree?)] {
        var problems: [ConfigProblem] = []
        let patch = UserPatch(expected, problems: &problems)
        let own = ConfigWriter.write(self, showSecrets: true).tree
        var other = UserConfig()
        problems += ConfigReader.read(own.merged(with: patch.tree), into: &other, at: "")
        problems += patch.ignoredKeys.map { ConfigProblem($0, "cannot be set for one person") }
        guard problems.isEmpty else { throw ConfigProblems(problems) }
        let wanted = Self.leaves(other)
        let found = Self.leaves(self)
        return Set(wanted.keys).union(found.keys).filter { wanted[$0] != found[$0] }.sorted()
            .map { ($0, wanted[$0], found[$0]) }
    }

    private static func leaves(_ config: UserConfig) -> [String: ConfigTree] {
        let leaves = ConfigWriter.write(config, showSecrets: false).tree.leaves()
        return Dictionary(leaves, uniquingKeysWith: { first, _ in first })
    }
}
