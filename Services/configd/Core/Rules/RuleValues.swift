import SharedConfig

/// One pattern or a list of them; empty: not asked for.
struct Patterns: ConfigValue, Hashable {
    private var texts: [String] = []
    private var globs: [Glob] = []

    init(_ texts: [String] = []) {
        self.texts = texts
        globs = texts.map(Glob.init)
    }

    var isEmpty: Bool { globs.isEmpty }

    func matches(_ text: String) -> Bool { globs.contains { $0.matches(text) } }

    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Patterns? {
        guard let texts = oneOrMany(tree, at: path, problems: &problems) else { return nil }
        // An empty list would fit nobody in one reading and everybody in another.
        guard !texts.isEmpty, !texts.contains("") else {
            problems.append(ConfigProblem(path, "must hold a pattern"))
            return nil
        }
        return Patterns(texts)
    }

    func tree(showSecrets: Bool) -> ConfigTree { texts.tree(showSecrets: showSecrets) }

    static var shape: ConfigShape { .list }
}

/// One network or a list of them; empty: not asked for.
struct Networks: ConfigValue, Hashable {
    private var texts: [String] = []
    private var ranges: [AddressRange] = []

    init() {}

    var isEmpty: Bool { ranges.isEmpty }

    func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Networks? {
        guard let texts = oneOrMany(tree, at: path, problems: &problems) else { return nil }
        var result = Networks()
        result.texts = texts
        result.ranges = texts.compactMap(AddressRange.init)
        guard !texts.isEmpty, result.ranges.count == texts.count else {
            let rule = "must be a network such as 10.0.0.0/8, or a list of them"
            problems.append(ConfigProblem(path, value: tree.summary, rule))
            return nil
        }
        return result
    }

    func tree(showSecrets: Bool) -> ConfigTree { texts.tree(showSecrets: showSecrets) }

    static var shape: ConfigShape { .list }
}

/// One window of time or a list of them; empty: not asked for.
struct TimeWindows: ConfigValue, Hashable {
    private var texts: [String] = []
    private var windows: [TimeWindow] = []

    init() {}

    var isEmpty: Bool { windows.isEmpty }

    func contains(_ time: LocalTime) -> Bool { windows.contains { $0.contains(time) } }

    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> TimeWindows? {
        guard let texts = oneOrMany(tree, at: path, problems: &problems) else { return nil }
        var result = TimeWindows()
        result.texts = texts
        result.windows = texts.compactMap(TimeWindow.init)
        guard !texts.isEmpty, result.windows.count == texts.count else {
            let rule = "must be days and hours such as Mon-Fri 08:00-18:00, or a list of them"
            problems.append(ConfigProblem(path, value: tree.summary, rule))
            return nil
        }
        return result
    }

    func tree(showSecrets: Bool) -> ConfigTree { texts.tree(showSecrets: showSecrets) }

    static var shape: ConfigShape { .list }
}

private func oneOrMany(
    _ tree: ConfigTree,
    at path: String,
    problems: inout [ConfigProblem]
) -> [String]? {
    if case .list = tree { return [String].read(tree, at: path, problems: &problems) }
    return String.read(tree, at: path, problems: &problems).map { [$0] }
}

/// A text, or a map of `value` and `sensitive`.
struct RuleValue: ConfigValue, Hashable {
    var text: String
    var isSensitive: Bool

    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> RuleValue? {
        guard case .map(let map) = tree else {
            return String.read(tree, at: path, problems: &problems)
                .map { RuleValue(text: $0, isSensitive: false) }
        }
        for key in map.keys.sorted() where key != "value" && key != "sensitive" {
            problems.append(ConfigProblem("\(path).\(key)", "is not a known key"))
        }
        guard
            let text = String.read(
                map["value"] ?? .null,
                at: "\(path).value",
                problems: &problems
            ),
            let isSensitive = Bool.read(
                map["sensitive"] ?? false,
                at: "\(path).sensitive",
                problems: &problems
            )
        else { return nil }
        return RuleValue(text: text, isSensitive: isSensitive)
    }

    func tree(showSecrets: Bool) -> ConfigTree {
        let shown = isSensitive && !showSecrets ? "***" : text
        return ["value": .string(shown), "sensitive": .bool(isSensitive)]
    }
}
