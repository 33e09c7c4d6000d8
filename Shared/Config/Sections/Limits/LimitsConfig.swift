/// Who may connect, how often and for how long.
///
/// Counts that are 0 and rates that are empty limit nothing. Connections in all are limited by
/// `ssh.maxConnections`.
package struct LimitsConfig: ConfigSection {
    /// If not empty, only these networks may connect.
    package var allow: [IPNetwork] = []
    /// These may not, whatever `allow` says.
    package var deny: [IPNetwork] = []
    /// Not held to limits per source, rates, early drop or penalties.
    package var exempt = LimitsConfig.loopback
    /// Connections in all that are not authenticated yet.
    package var startups = StartupLimit(start: 1000, rate: 30, full: 4000)
    package var perSource = SourceLimitsConfig()
    package var perUser = PerUserLimitsConfig()
    /// Sessions open at a time, in all.
    package var sessions = 0
    /// Sources and users that are remembered for rates and penalties.
    package var tracked = 65_536
    package var usernames = UsernameRulesConfig()
    package var penalties = PenaltiesConfig()
    package var ban = BanConfig()
    package var shared = SharedLimitsConfig()
    package var times = SessionTimesConfig()

    package static let loopback = ["127.0.0.0/8", "::1/128"].compactMap { IPNetwork($0) }

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("allow", &allow)
        visitor.field("deny", &deny)
        visitor.field("exempt", &exempt)
        visitor.field("startups", &startups)
        visitor.section("perSource", &perSource)
        visitor.section("perUser", &perUser)
        visitor.field("sessions", &sessions)
        visitor.field("tracked", &tracked)
        visitor.section("usernames", &usernames)
        visitor.section("penalties", &penalties)
        visitor.section("ban", &ban)
        visitor.section("shared", &shared, checked: !shared.client.url.isEmpty)
        times.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("sessions", sessions, in: 0...Int.max)
        list.check("tracked", tracked, in: 16...16_777_216)
        return list.problems + times.problems(at: path)
    }
}

/// One source is an address, or the network block that one customer usually has.
package struct SourceLimitsConfig: ConfigSection {
    /// Leading bits that make a source of an IPv4 address.
    package var ipv4Prefix = 32
    /// The same for IPv6; a household or a machine has a /64.
    package var ipv6Prefix = 64
    /// Connections open at a time.
    package var connections = 0
    /// Connections that are not authenticated yet.
    package var startups = 100
    /// Sessions open at a time.
    package var sessions = 0
    package var connectionRate = RateLimit.none
    /// Passwords, signatures and rounds of questions; probes of keys do not count.
    package var authenticationRate = RateLimit.none
    package var sessionRate = RateLimit.none

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("ipv4Prefix", &ipv4Prefix)
        visitor.field("ipv6Prefix", &ipv6Prefix)
        visitor.field("connections", &connections)
        visitor.field("startups", &startups)
        visitor.field("sessions", &sessions)
        visitor.field("connectionRate", &connectionRate)
        visitor.field("authenticationRate", &authenticationRate)
        visitor.field("sessionRate", &sessionRate)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("ipv4Prefix", ipv4Prefix, in: 0...32)
        list.check("ipv6Prefix", ipv6Prefix, in: 0...128)
        list.check("connections", connections, in: 0...Int.max)
        list.check("startups", startups, in: 0...Int.max)
        list.check("sessions", sessions, in: 0...Int.max)
        return list.problems
    }
}

/// One user is one verified identity, whatever name they typed.
package struct PerUserLimitsConfig: ConfigSection {
    /// Connections open at a time.
    package var connections = 0
    /// Sessions open at a time, of all connections of the user.
    package var sessions = 0
    /// By the name that was typed.
    package var authenticationRate = RateLimit.none
    package var sessionRate = RateLimit.none

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("connections", &connections)
        visitor.field("sessions", &sessions)
        visitor.field("authenticationRate", &authenticationRate)
        visitor.field("sessionRate", &sessionRate)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("connections", connections, in: 0...Int.max)
        list.check("sessions", sessions, in: 0...Int.max)
        return list.problems
    }
}

/// Login names that nobody needs to be asked about.
package struct UsernameRulesConfig: ConfigSection {
    /// If not empty, only names like these: to the letter, `glob:…` or `regex:…`.
    package var allow: [String] = []
    package var deny: [String] = []
    /// A regular expression's set of what a name may consist of, such as `a-z0-9._@-`; empty:
    /// everything but control characters.
    package var characters = ""
    /// Bytes.
    package var maxLength = 256

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("allow", &allow)
        visitor.field("deny", &deny)
        visitor.field("characters", &characters)
        visitor.field("maxLength", &maxLength)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("maxLength", maxLength, in: 1...1024)
        check("allow", allow, &list)
        check("deny", deny, &list)
        check("characters", characterPatterns, &list)
        return list.problems
    }

    /// `characters` as the pattern of a whole name.
    package var characterPatterns: [String] { characters.isEmpty ? [] : ["regex:[\(characters)]*"] }

    private func check(_ key: String, _ patterns: [String], _ list: inout Rules) {
        for pattern in patterns {
            do {
                _ = try TextPattern(pattern)
            } catch {
                list.check(false, key, "\"\(pattern)\"", "\(error)")
            }
        }
    }
}

/// How long a connection may do nothing, and how long it may live; a person's own values come
/// from the config webhook.
package struct SessionTimesConfig: ConfigSection {
    /// Without a byte on any channel in either direction; zero: no limit.
    package var idleTimeout: Duration = .zero
    /// The same for each channel, which is then closed.
    package var channelIdleTimeout: Duration = .zero
    /// From the login on; zero: no limit.
    package var maxSessionAge: Duration = .zero
    /// So long before the end the person is told; zero: not at all.
    package var maxSessionAgeWarning: Duration = .seconds(60)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("idleTimeout", &idleTimeout)
        visitor.field("channelIdleTimeout", &channelIdleTimeout)
        visitor.field("maxSessionAge", &maxSessionAge)
        visitor.field("maxSessionAgeWarning", &maxSessionAgeWarning)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("idleTimeout", idleTimeout, atLeast: .zero)
        list.check("channelIdleTimeout", channelIdleTimeout, atLeast: .zero)
        list.check("maxSessionAge", maxSessionAge, atLeast: .zero)
        list.check("maxSessionAgeWarning", maxSessionAgeWarning, atLeast: .zero)
        return list.problems
    }
}
