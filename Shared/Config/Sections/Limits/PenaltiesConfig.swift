/// What a failed connection costs its source (as `PerSourcePenalties` of sshd_config(5)).
///
/// Times add up; from `minimum` on the source is refused until they are over. Zero does not
/// penalize.
package struct PenaltiesConfig: ConfigSection {
    package enum Overflow: String, ConfigChoice {
        /// A source that was not seen for long is forgotten for the new one.
        case permissive
        /// Sources that are not known yet are refused until there is room again.
        case denyAll = "deny-all"
    }

    package var enable = true
    /// Left without an attempt to authenticate.
    package var noAuth: Duration = .seconds(1)
    /// Left after failed attempts.
    package var authFailure: Duration = .seconds(5)
    /// Tried a user that does not exist or a name that the rules forbid.
    package var invalidUser: Duration = .seconds(5)
    package var graceExceeded: Duration = .seconds(10)
    /// Broke the protocol before it was authenticated.
    package var violation: Duration = .seconds(10)
    /// Was refused by a limit after it had connected.
    package var refused: Duration = .seconds(10)
    package var minimum: Duration = .seconds(15)
    /// What a source can collect at most.
    package var maximum: Duration = .seconds(600)
    /// Never penalized, besides `limits.exempt`.
    package var exempt: [IPNetwork] = []
    /// What happens when `limits.tracked` sources have penalties.
    package var overflow = Overflow.permissive

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        visitor.field("noAuth", &noAuth)
        visitor.field("authFailure", &authFailure)
        visitor.field("invalidUser", &invalidUser)
        visitor.field("graceExceeded", &graceExceeded)
        visitor.field("violation", &violation)
        visitor.field("refused", &refused)
        visitor.field("minimum", &minimum)
        visitor.field("maximum", &maximum)
        visitor.field("exempt", &exempt)
        visitor.field("overflow", &overflow)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("noAuth", noAuth, atLeast: .zero)
        list.check("authFailure", authFailure, atLeast: .zero)
        list.check("invalidUser", invalidUser, atLeast: .zero)
        list.check("graceExceeded", graceExceeded, atLeast: .zero)
        list.check("violation", violation, atLeast: .zero)
        list.check("refused", refused, atLeast: .zero)
        list.check("minimum", minimum, atLeast: .zero)
        list.check("maximum", maximum, atLeast: minimum)
        return list.problems
    }
}

/// A source that fails again and again is shut out for longer than penalties do.
package struct BanConfig: ConfigSection {
    /// Failed connections within `window` that lead to a ban; 0: no bans.
    package var failures = 0
    package var window: Duration = .seconds(600)
    package var time: Duration = .seconds(3600)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("failures", &failures)
        visitor.field("window", &window)
        visitor.field("time", &time)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("failures", failures, in: 0...1_000_000)
        list.check("window", window, atLeast: .milliseconds(1))
        list.check("time", time, atLeast: .milliseconds(1))
        return list.problems
    }
}

/// The authd through which several gateways count together; none: each counts for itself.
package struct SharedLimitsConfig: ConfigSection {
    package var client = HTTPClientConfig(url: "")
    /// How often penalties are exchanged.
    package var interval: Duration = .seconds(1)

    package init() {
        // The question is asked while a person waits.
        client.timeout = .milliseconds(500)
    }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        client.visit(&visitor)
        visitor.field("interval", &interval)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("interval", interval, atLeast: .milliseconds(50))
        guard !client.url.isEmpty else { return list.problems }
        return client.problems(at: path) + list.problems
    }
}
