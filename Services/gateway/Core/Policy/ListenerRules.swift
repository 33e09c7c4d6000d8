package import SharedConfig

/// Where a client may have connections accepted: the rules of `security.forwarding.listeners`.
package struct ListenerRules: Sendable {
    private let mode: SecurityConfig.Mode
    private let list: SecurityEndpointsConfig

    /// Ports that a system gives out by itself, and those a person may have anyway.
    private static let unprivileged: ClosedRange<UInt16> = 1024...65535

    package init(_ config: SecurityForwardingConfig) {
        mode = config.reverseForwardingMode
        list = config.listeners
    }

    /// Whether listening there is allowed. Port 0, any free port, is allowed where every
    /// unprivileged one is; once it is known the port is asked about again.
    package func allows(_ host: String, _ port: UInt16) -> Bool {
        let host = HostLiteral.canonical(host)
        guard mode == .enable || mode == .filter else { return false }
        if list.deny.contains(where: { $0.speaks(of: host) && $0.ports.contains(port) }) {
            return false
        }
        guard mode == .filter else { return true }
        return list.allow.contains { rule in
            guard rule.speaks(of: host) else { return false }
            let isAny = port == 0 && rule.ports.contains(Self.unprivileged)
            return isAny || rule.ports.contains(port)
        }
    }
}

extension EndpointRule {
    /// Whether the rule is about this place to listen (RFC 4254 §7.1): an empty host is every
    /// interface, `localhost` the loopback ones.
    fileprivate func speaks(of host: String) -> Bool {
        let names =
            switch host {
            case "", "*": ["0.0.0.0", "::"]
            case "localhost": ["localhost", "127.0.0.1", "::1"]
            default: [host]
            }
        return names.contains { name in
            let isNamed = matches(name: name, port: ports.lowerBound)
            let address = HostLiteral.address(name)
            return isNamed || address.map { matches($0, port: ports.lowerBound) } ?? false
        }
    }
}
