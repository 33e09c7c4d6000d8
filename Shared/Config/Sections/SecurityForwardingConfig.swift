/// Forwarding is off unless it is switched on.
///
/// `enable` is everything but what the matching list denies, `filter` only what it allows; for X11
/// and the agent there is no list, and `filter` is the same as `disable`.
package struct SecurityForwardingConfig: ConfigSection {
    /// `tcpip-forward`.
    package var reverseForwardingMode = SecurityConfig.Mode.disable
    /// `direct-tcpip`.
    package var forwardingMode = SecurityConfig.Mode.disable
    /// `direct-streamlocal@openssh.com`.
    package var socketForwardingMode = SecurityConfig.Mode.disable
    /// `streamlocal-forward@openssh.com`.
    package var socketListenMode = SecurityConfig.Mode.disable
    /// `x11-req`.
    package var x11ForwardingMode = SecurityConfig.Mode.disable
    /// `auth-agent-req@openssh.com`.
    package var agentForwardingMode = SecurityConfig.Mode.disable
    /// Where `direct-tcpip` may go.
    package var destinations = SecurityEndpointsConfig()
    /// Where `tcpip-forward` may listen.
    package var listeners = SecurityEndpointsConfig()
    /// Paths of sockets, for both directions.
    package var sockets = SecurityPathsConfig()
    /// Forwarded connections open at a time on one connection, in either direction; -1: no limit.
    package var maxConnections = 256
    /// Places to listen at a time on one connection; -1: no limit.
    package var maxListeners = 16

    /// For one connection to its target, the resolving of its name included.
    package var connectTimeout: Duration = .seconds(30)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("reverseForwardingMode", &reverseForwardingMode)
        visitor.field("forwardingMode", &forwardingMode)
        visitor.field("socketForwardingMode", &socketForwardingMode)
        visitor.field("socketListenMode", &socketListenMode)
        visitor.field("x11ForwardingMode", &x11ForwardingMode)
        visitor.field("agentForwardingMode", &agentForwardingMode)
        visitor.section("destinations", &destinations)
        visitor.section("listeners", &listeners)
        visitor.section("sockets", &sockets)
        visitor.field("maxConnections", &maxConnections)
        visitor.field("maxListeners", &maxListeners)
        visitor.field("connectTimeout", &connectTimeout)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("maxConnections", maxConnections, in: -1...Int.max)
        list.check("maxListeners", maxListeners, in: -1...Int.max)
        list.check("connectTimeout", connectTimeout, atLeast: .seconds(1))
        return list.problems
    }
}

/// Hosts, networks and ports.
package struct SecurityEndpointsConfig: ConfigSection {
    /// With `filter`: only these.
    package var allow: [EndpointRule] = []
    /// With `enable` and `filter`: never these.
    package var deny: [EndpointRule] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("allow", &allow)
        visitor.field("deny", &deny)
    }
}

/// Paths of Unix sockets, to the letter or as patterns (`TextPattern`).
package struct SecurityPathsConfig: ConfigSection {
    /// With `filter`: only these.
    package var allow: [String] = []
    /// With `enable` and `filter`: never these.
    package var deny: [String] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
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
