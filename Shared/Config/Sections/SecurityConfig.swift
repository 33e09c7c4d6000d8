/// What a person may do once connected.
package struct SecurityConfig: ConfigSection {
    package enum Mode: String, ConfigChoice {
        /// Whatever `defaultMode` says; if that is unset too, `enable`.
        case unset = ""
        case enable
        case filter
        case disable
    }

    package var defaultMode = Mode.unset
    /// Runs instead of whatever was asked for; the original is in `SSH_ORIGINAL_COMMAND`.
    package var forceCommand = ""
    package var env = SecurityListConfig()
    package var command = SecurityAllowConfig()
    package var shell = SecurityModeConfig()
    package var subsystem = SecurityListConfig()
    package var forwarding = SecurityForwardingConfig()
    package var tty = SecurityModeConfig()
    package var signal = SecurityListConfig()
    /// Sessions open at a time; -1: no limit.
    package var maxSessions = -1

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("defaultMode", &defaultMode)
        visitor.field("forceCommand", &forceCommand)
        visitor.section("env", &env)
        visitor.section("command", &command)
        visitor.section("shell", &shell)
        visitor.section("subsystem", &subsystem)
        visitor.section("forwarding", &forwarding)
        visitor.section("tty", &tty)
        visitor.section("signal", &signal)
        visitor.field("maxSessions", &maxSessions)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("maxSessions", maxSessions, in: -1...Int.max)
        return list.problems
    }

    /// What a mode means after falling back on `defaultMode`; never `.unset`.
    package func effective(_ mode: Mode) -> Mode {
        if mode != .unset { return mode }
        return defaultMode == .unset ? .enable : defaultMode
    }
}

package struct SecurityModeConfig: ConfigSection {
    /// `filter` is the same as `disable` here.
    package var mode = SecurityConfig.Mode.unset

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("mode", &mode)
    }
}

package struct SecurityAllowConfig: ConfigSection {
    package var mode = SecurityConfig.Mode.unset
    /// With `filter`: only these, texts to the letter or patterns (`TextPattern`).
    package var allow: [String] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("mode", &mode)
        visitor.field("allow", &allow)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkPatterns("allow", allow)
        return list.problems
    }
}

package struct SecurityListConfig: ConfigSection {
    package var mode = SecurityConfig.Mode.unset
    /// With `filter`: only these, texts to the letter or patterns (`TextPattern`).
    package var allow: [String] = []
    /// With `enable`: all but these.
    package var deny: [String] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("mode", &mode)
        visitor.field("allow", &allow)
        visitor.field("deny", &deny)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkPatterns("allow", allow)
        list.checkPatterns("deny", deny)
        return list.problems
    }
}
