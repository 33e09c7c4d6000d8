/// A value out of a closed set of names.
package protocol ConfigChoice: ConfigValue, CaseIterable, RawRepresentable
where RawValue == String {
    /// The choice written as `text`; other spellings of a name may be accepted.
    static func named(_ text: String) -> Self?
}

extension ConfigChoice {
    package static func named(_ text: String) -> Self? { Self(rawValue: text) }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Self? {
        if let text = String.text(of: tree), let choice = named(text) { return choice }
        let names = allCases.map { $0.rawValue.isEmpty ? "\"\"" : $0.rawValue }
        let rule = "must be one of " + names.joined(separator: ", ")
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(rawValue) }
}
