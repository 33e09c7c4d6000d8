import SharedConfig

/// A file of rules.
struct RuleFile: ConfigSection {
    /// The metadata key whose words are the groups that `match.group` looks at.
    var groupMetadata = "groups"
    var rules: [RuleConfig] = []

    init() {}

    mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("groupMetadata", &groupMetadata)
        visitor.sections("rules", &rules)
    }
}

/// One rule: whom it fits, and what they get.
struct RuleConfig: ConfigSection {
    /// For log records; empty: the rule's place in its file.
    var name = ""
    var match = MatchConfig()
    /// Laid over the static configuration as a JSON Merge Patch; strings may hold variables.
    var config = ConfigTree.map([:])
    var metadata: [String: RuleValue] = [:]
    var environment: [String: RuleValue] = [:]
    /// Path inside the workspace to text, which may hold variables.
    var files: [String: RuleValue] = [:]
    /// Replaces the identity for the backend; empty: leaves it.
    var authenticatedUsername = ""
    /// Whether no later rule is looked at once this one fits.
    var final = false

    init() {}

    mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("name", &name)
        visitor.section("match", &match)
        visitor.field("config", &config)
        visitor.field("metadata", &metadata)
        visitor.field("environment", &environment)
        visitor.field("files", &files)
        visitor.field("authenticatedUsername", &authenticatedUsername)
        visitor.field("final", &final)
    }

    func problems(at path: String) -> [ConfigProblem] {
        var list = ReplyChecker.problems(of: config).map { problem in
            var problem = problem
            problem.path = [path, "config", problem.path].filter { !$0.isEmpty }
                .joined(separator: ".")
            return problem
        }
        list += templateProblems(config, at: "\(path).config")
        let texts = [("metadata", metadata), ("environment", environment), ("files", files)]
        for (key, values) in texts {
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                list += templateProblems(.string(value.text), at: "\(path).\(key).\(name)")
            }
        }
        let identity = ConfigTree.string(authenticatedUsername)
        return list + templateProblems(identity, at: "\(path).authenticatedUsername")
    }

    private func templateProblems(_ tree: ConfigTree, at path: String) -> [ConfigProblem] {
        switch tree {
        case .string(let text):
            do {
                _ = try Template(text)
                return []
            } catch {
                return [ConfigProblem(path, error.description)]
            }
        case .list(let items):
            return items.enumerated()
                .flatMap { templateProblems($1, at: "\(path)[\($0)]") }
        case .map(let map):
            return map.sorted { $0.key < $1.key }
                .flatMap { templateProblems($0.value, at: "\(path).\($0.key)") }
        case .null, .bool, .integer, .double: return []
        }
    }
}

/// Whom a rule fits: everyone for whom all that is given holds.
struct MatchConfig: ConfigSection {
    /// Patterns for the name that was typed.
    var user = Patterns()
    /// Patterns for the verified identity, which is empty where the auth webhook named none.
    var authenticatedUser = Patterns()
    /// Patterns, one of which one of the groups must fit.
    var group = Patterns()
    /// Metadata key to patterns for its value; a key that is absent never fits.
    var metadata: [String: Patterns] = [:]
    /// Networks, one of which the client must be in.
    var address = Networks()

    init() {}

    mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("user", &user)
        visitor.field("authenticatedUser", &authenticatedUser)
        visitor.field("group", &group)
        visitor.field("metadata", &metadata)
        visitor.field("address", &address)
    }
}
