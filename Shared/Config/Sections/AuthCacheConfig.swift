/// Logins with a public key while the webhook is away: earlier acceptances count for a while.
package struct AuthCacheConfig: ConfigSection {
    package var enable = false
    /// How long ago the webhook may have accepted the key.
    package var maximumAge: Duration = .seconds(3600)
    /// Acceptances that are remembered; the one that was not given for the longest time goes first.
    package var entries = 10_000
    /// How long the webhook is asked before an acceptance that is remembered counts.
    package var after: Duration = .seconds(5)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        visitor.field("maximumAge", &maximumAge)
        visitor.field("entries", &entries)
        visitor.field("after", &after)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("maximumAge", maximumAge, atLeast: .seconds(1))
        list.check(
            maximumAge <= .seconds(7 * 86_400),
            "maximumAge",
            maximumAge.goText,
            "must be at most 168h0m0s"
        )
        list.check("entries", entries, in: 1...100_000)
        list.check("after", after, atLeast: .milliseconds(10))
        return list.problems
    }
}
