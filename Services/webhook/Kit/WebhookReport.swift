import SharedJUnit

/// The results of a `WebhookTester` for people and for CI systems.
package struct WebhookReport: Sendable {
    package let results: [CheckResult]

    package init(_ results: [CheckResult]) { self.results = results }

    package var failures: Int { count { if case .failed = $0 { true } else { false } } }
    package var warnings: Int { count { if case .warned = $0 { true } else { false } } }
    package var skipped: Int { count { if case .skipped = $0 { true } else { false } } }

    /// One line for the end.
    package var summary: String {
        let passed = results.count - failures - warnings - skipped
        return "\(passed) passed, \(warnings) with a warning, \(failures) failed, "
            + "\(skipped) skipped"
    }

    /// One result as a line, with what is wrong on the next.
    package static func line(_ result: CheckResult) -> String {
        let (mark, text) =
            switch result.outcome {
            case .passed: ("ok  ", "")
            case .warned(let text): ("warn", text)
            case .failed(let text): ("FAIL", text)
            case .skipped(let text): ("skip", text)
            }
        let line = "\(mark) \(result.group): \(result.title)"
        return text.isEmpty ? line : "\(line)\n     \(text)"
    }

    /// The format that CI systems read.
    package var junit: String {
        JUnit.document(
            "berth webhook test",
            results.map { result in
                let outcome: JUnit.Result =
                    switch result.outcome {
                    case .passed: .passed
                    case .warned(let reason): .warned(reason)
                    case .failed(let reason): .failed(reason)
                    case .skipped(let reason): .skipped(reason)
                    }
                return JUnit.Case(
                    group: result.group,
                    name: result.title,
                    duration: result.duration,
                    result: outcome
                )
            }
        )
    }

    private func count(_ isCounted: (CheckOutcome) -> Bool) -> Int {
        results.count { isCounted($0.outcome) }
    }
}
