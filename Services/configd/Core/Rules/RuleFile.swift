import SharedConfig

/// A file of rules.
struct RuleFile: ConfigSection {
    /// The metadata key whose words are the groups that `match.group` looks at.
    var groupMetadata = "groups"
    /// Of the rules that do not say it themselves.
    var layer = RuleLayer.base
    /// What `match.time` is meant in.
    var timeZone = ZoneName.utc
    var rules: [RuleConfig] = []

    init() {}

    mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("groupMetadata", &groupMetadata)
        visitor.field("layer", &layer)
        visitor.field("timeZone", &timeZone)
        visitor.sections("rules", &rules)
    }
}

/// One rule: whom it fits, and what they get.
struct RuleConfig: ConfigSection {
    /// For log records; empty: the rule's place in its file.
    var name = ""
    var match = MatchConfig()
    /// What it is laid over; none: that of its file.
    var layer = RuleLayer.ofFile
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
        visitor.field("layer", &layer)
        visitor.field("config", &config)
        visitor.field("metadata", &metadata)
        visitor.field("environment", &environment)
        visitor.field("files", &files)
        visitor.field("authenticatedUsername", &authenticatedUsername)
        visitor.field("final", &final)
    }

    func problems(at path: String) -> [ConfigProblem] {
        var list = templateProblems(config, at: "\(path).config")
        let misread = Set(list.map(\.path))
        list += ReplyChecker.problems(of: config.sample).map { problem in
            var problem = problem
            problem.path = [path, "config", problem.path].filter { !$0.isEmpty }
                .joined(separator: ".")
            return problem
        }.filter { !misread.contains($0.path) }
        let texts = [("metadata", metadata), ("environment", environment), ("files", files)]
        for (key, values) in texts {
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                list += textProblems(value.text, at: "\(path).\(key).\(name)")
            }
        }
        return list + textProblems(authenticatedUsername, at: "\(path).authenticatedUsername")
    }

    private func textProblems(_ text: String, at path: String) -> [ConfigProblem] {
        if let template = try? Template(text), template.isTyped {
            return [ConfigProblem(path, "must be text, which has no other type")]
        }
        return templateProblems(.string(text), at: path)
    }

    private func templateProblems(_ tree: ConfigTree, at path: String) -> [ConfigProblem] {
        switch tree {
        case .string(let text):
            do throws(TemplateError) {
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
    /// Patterns for the client's country: two capital letters, `XX` where it is not known.
    var country = Patterns()
    /// Days and hours, of which the login must fall into one.
    var time = TimeWindows()

    static let unknownCountry = "XX"

    init() {}

    mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("user", &user)
        visitor.field("authenticatedUser", &authenticatedUser)
        visitor.field("group", &group)
        visitor.field("metadata", &metadata)
        visitor.field("address", &address)
        visitor.field("country", &country)
        visitor.field("time", &time)
    }
}

/// The order in which rules are laid over each other, whatever the order of their files.
enum RuleLayer: String, ConfigChoice, Comparable {
    case base
    case team
    case user
    /// Looked at also behind a final rule.
    case exception
    /// Of a rule: the layer of its file. Of a file: `base`.
    case ofFile = ""

    static func < (left: Self, right: Self) -> Bool { left.place < right.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension ConfigTree {
    /// This tree with a value of the right type in the place of each typed variable.
    fileprivate var sample: ConfigTree {
        switch self {
        case .string(let text):
            // What is wrong with a template is reported as such.
            (try? Template(text))?.sample ?? self
        case .list(let items): .list(items.map(\.sample))
        case .map(let map): .map(map.mapValues(\.sample))
        case .null, .bool, .integer, .double: self
        }
    }
}
