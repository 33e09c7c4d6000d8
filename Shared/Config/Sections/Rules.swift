/// Collects the broken rules of one section.
struct Rules {
    private let path: String
    private(set) var problems: [ConfigProblem] = []

    init(_ path: String) {
        self.path = path
    }

    /// Notes a problem with `key` unless `holds`.
    mutating func check(_ holds: Bool, _ key: String, _ value: String?, _ rule: String) {
        guard !holds else { return }
        problems.append(ConfigProblem(join(path, key), value: value, rule))
    }

    /// Notes a problem unless the value lies in the range.
    mutating func check(_ key: String, _ value: Int, in range: ClosedRange<Int>) {
        let rule =
            range.upperBound == .max
            ? "must be at least \(range.lowerBound)"
            : "must be \(range.lowerBound)...\(range.upperBound)"
        check(range.contains(value), key, "\(value)", rule)
    }

    /// Notes a problem unless the duration is at least `minimum`.
    mutating func check(_ key: String, _ value: Duration, atLeast minimum: Duration) {
        check(value >= minimum, key, value.goText, "must be at least \(minimum.goText)")
    }

    /// Notes a problem if a text that is needed is missing.
    mutating func checkSet(_ key: String, _ value: String) {
        check(!value.isEmpty, key, nil, "must be set")
    }

    mutating func checkSet(_ key: String, _ value: [String]) {
        check(!value.isEmpty, key, nil, "must not be empty")
    }

    /// Notes a problem with every item that is not among the allowed ones.
    mutating func check(_ key: String, _ items: [String], among allowed: [String]) {
        for (index, item) in items.enumerated() where !allowed.contains(item) {
            let rule = "must be one of " + allowed.joined(separator: ", ")
            check(false, "\(key)[\(index)]", "\"\(item)\"", rule)
        }
    }

    /// Notes a problem with every item that is marked as a pattern and is none.
    mutating func checkPatterns(_ key: String, _ items: [String]) {
        for (index, item) in items.enumerated() {
            do {
                _ = try TextPattern(item)
            } catch {
                check(false, "\(key)[\(index)]", "\"\(item)\"", error.description)
            }
        }
    }

    mutating func add(_ more: [ConfigProblem]) {
        problems += more
    }
}
