package import SharedConfig

/// What is wrong or odd with rules, found without serving them.
package struct RuleLint: Sendable {
    package enum Severity: String, Sendable {
        /// configd would not take the rules.
        case error
        /// configd takes them, but they hardly do what was meant.
        case warning
    }

    package struct Finding: Sendable, Hashable, CustomStringConvertible {
        package let severity: Severity
        /// `file:line`, or what else is known of the place.
        package let place: String
        package let text: String

        /// As compilers write it.
        package var description: String { "\(place): \(severity.rawValue): \(text)" }
    }

    /// How many rules there are; 0 where they cannot be read.
    package private(set) var count = 0
    package private(set) var findings: [Finding] = []

    package var errors: Int { findings.count { $0.severity == .error } }
    package var warnings: Int { findings.count - errors }

    /// Looks at the files that `paths` name as configd does; blocks. `base` is the gateway's
    /// configuration, over which rules without variables are tried one by one.
    package init(paths: [String], base: BerthConfig? = nil) {
        do throws(ConfigProblems) {
            let rules = try RuleSource(paths: paths).load()
            count = rules.count
            lookForUnreachable(rules.all)
            lookForRepeatedNames(rules.all)
            for entry in rules.all { look(at: entry, base) }
        } catch {
            findings = error.list.map { problem in
                var text = problem
                text.origin = nil
                let place = problem.origin ?? "rules"
                return Finding(severity: .error, place: place, text: "\(text)")
            }
        }
    }

    private mutating func warn(_ entry: RuleEntry, _ path: String, _ text: String) {
        findings.append(Finding(severity: .warning, place: entry.place(of: path), text: text))
    }

    private mutating func lookForUnreachable(_ entries: [RuleEntry]) {
        let end = entries.firstIndex { $0.rule.final && $0.rule.match == MatchConfig() }
        guard let end else { return }
        for entry in entries[(end + 1)...] where entry.layer != .exception {
            let title = entries[end].title
            warn(entry, "", "is never looked at, as \"\(title)\" is final and fits everybody")
        }
    }

    private mutating func lookForRepeatedNames(_ entries: [RuleEntry]) {
        var known: [String: RuleEntry] = [:]
        for entry in entries where !entry.rule.name.isEmpty {
            if let first = known[entry.rule.name] {
                warn(entry, "name", "has the name of the rule at \(first.place)")
            } else {
                known[entry.rule.name] = entry
            }
        }
    }

    private mutating func look(at entry: RuleEntry, _ base: BerthConfig?) {
        let rule = entry.rule
        if rule.config == .map([:]), rule.metadata.isEmpty, rule.environment.isEmpty,
            rule.files.isEmpty, rule.authenticatedUsername.isEmpty, !rule.final
        {
            warn(entry, "", "gives nothing and ends nothing")
        }
        guard let base, rule.config.isConstant else { return }
        do throws(ConfigProblems) {
            _ = try base.applying(reply: rule.config)
        } catch {
            for problem in error.list {
                let path = "config.\(problem.path)"
                warn(entry, path, "by itself is refused by gateways: \(problem)")
            }
        }
    }
}

extension ConfigTree {
    /// Whether nothing in it has to be filled in.
    fileprivate var isConstant: Bool {
        switch self {
        case .string(let text): (try? Template(text))?.isConstant ?? true
        case .list(let items): items.allSatisfy(\.isConstant)
        case .map(let map): map.values.allSatisfy(\.isConstant)
        case .null, .bool, .integer, .double: true
        }
    }
}
