/// Judges the `config` object of a webhook's reply without a gateway at hand.
package enum ReplyChecker {
    /// Unknown keys, wrong types, and keys that cannot be set for one person.
    ///
    /// Rules about values are left to the gateway, which knows the rest of the configuration.
    package static func problems(of reply: ConfigTree) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        let patch = UserPatch(reply, problems: &problems)
        var user = UserConfig()
        problems += ConfigReader.read(patch.tree, into: &user, at: "")
        let rule = "cannot be set for one person"
        return problems + patch.ignoredKeys.map { ConfigProblem($0, rule) }
    }

    /// The reply as every client of the webhook understands it: keys in the spelling of the
    /// schema, durations in nanoseconds, limits of containers directly in `host`.
    package static func wireForm(of reply: ConfigTree) -> ConfigTree {
        var problems: [ConfigProblem] = []
        let patch = UserPatch(reply, problems: &problems)
        return nanoseconds(patch.tree, ConfigDraft.schema)
    }

    private static func nanoseconds(_ tree: ConfigTree, _ schema: ConfigSchema) -> ConfigTree {
        switch (schema, tree) {
        case (.value(.duration), .string(let text)):
            return Duration(goText: text).map { .integer($0.wholeNanoseconds) } ?? tree
        case (.section(let keys), .map(let map)):
            var result = map
            for (key, value) in map {
                guard let inner = keys[key] else { continue }
                result[key] = nanoseconds(value, inner)
            }
            return .map(result)
        default: return tree
        }
    }
}
