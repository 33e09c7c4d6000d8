/// When a webhook that does not answer is left alone for a while.
package struct BreakerConfig: ConfigSection {
    /// Failed calls in a row after which nothing is sent for `pause`; 0: never.
    package var failures = 10
    /// After it, one call finds out whether the webhook answers again.
    package var pause: Duration = .seconds(5)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("failures", &failures)
        visitor.field("pause", &pause)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("failures", failures, in: 0...10_000)
        list.check("pause", pause, atLeast: .milliseconds(10))
        return list.problems
    }
}
