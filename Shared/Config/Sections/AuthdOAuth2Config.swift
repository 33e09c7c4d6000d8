/// How authd leads `/keyboard-interactive` through an OAuth2 or OpenID Connect provider; nothing of
/// it counts without a `provider`.
package struct AuthdOAuth2Config: ConfigSection {
    package var oauth2 = OAuth2Config()
    /// Whether whoever logs in must also be a user in the store.
    package var requireAccount = true
    /// How long one step may take; less than the gateway's `timeout` for the webhook.
    package var longestRound: Duration = .milliseconds(1500)

    package init() {}

    /// Whether anything is decided by a provider.
    package var isUsed: Bool { oauth2.provider != .none }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        oauth2.visit(&visitor)
        visitor.field("requireAccount", &requireAccount)
        visitor.field("longestRound", &longestRound)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("longestRound", longestRound, atLeast: .milliseconds(100))
        // A gateway ends connections that have had 128 rounds.
        list.check(
            longestRound * 100 >= oauth2.authTimeout,
            "longestRound",
            longestRound.goText,
            "must be at least a hundredth of authTimeout"
        )
        return oauth2.problems(at: path) + list.problems
    }
}
