import SharedJUnit

/// The outcomes of policy tests for people and for CI systems.
package struct PolicyTestReport: Sendable {
    private let outcomes: [PolicyTestRunner.Outcome]

    package init(_ outcomes: [PolicyTestRunner.Outcome]) { self.outcomes = outcomes }

    package var failures: Int { outcomes.count { !$0.failures.isEmpty } }

    /// One line for the end.
    package var summary: String { "\(outcomes.count - failures) passed, \(failures) failed" }

    /// One outcome as a line, with what is wrong on the next ones.
    package static func line(_ outcome: PolicyTestRunner.Outcome) -> String {
        guard !outcome.failures.isEmpty else { return "ok   \(outcome.name)" }
        let lines = outcome.failures.map { "     \($0)" }
        return (["FAIL \(outcome.name) [\(outcome.place)]"] + lines).joined(separator: "\n")
    }

    /// As Ant's JUnit task writes it.
    package var junit: String {
        JUnit.document(
            "berth policy test",
            outcomes.map { outcome in
                let isGood = outcome.failures.isEmpty
                return JUnit.Case(
                    group: String(outcome.place.prefix { $0 != ":" }),
                    name: outcome.name,
                    duration: outcome.duration,
                    result: isGood ? .passed : .failed(outcome.failures.joined(separator: "; "))
                )
            }
        )
    }
}
