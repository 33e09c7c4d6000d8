/// Collects the broken rules of a section and of those below it that are in use.
struct RuleChecker: ConfigVisitor {
    private let path: String
    private var problems: [ConfigProblem] = []

    static func problems(of section: some ConfigSection, at path: String) -> [ConfigProblem] {
        var checker = RuleChecker(path: path)
        var copy = section
        copy.visit(&checker)
        return section.problems(at: path) + checker.problems
    }

    private init(path: String) {
        self.path = path
    }

    mutating func field<Value: ConfigValue>(_ key: String, _ value: inout Value) {}

    mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section,
        checked: Bool
    ) {
        guard checked else { return }
        problems += Self.problems(of: section, at: join(path, key))
    }

    mutating func sections<Section: ConfigSection>(_ key: String, _ list: inout [Section]) {
        for (index, section) in list.enumerated() {
            problems += Self.problems(of: section, at: "\(join(path, key))[\(index)]")
        }
    }
}
