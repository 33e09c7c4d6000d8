package import SharedConfig
package import SharedMessages

/// Where forwarded connections may go: the rules of `security.forwarding.destinations` and what is
/// out of reach for all.
///
/// A name is held against the rules twice: as it was asked for, and by the addresses it stands for
/// where it is resolved (`DialPermission`).
package struct DestinationRules: Sendable {
    private let mode: SecurityConfig.Mode
    private let list: SecurityEndpointsConfig
    private let reserved: ReservedAddresses

    package init(
        _ config: SecurityForwardingConfig,
        reserved: ReservedAddresses = .ofThisMachine
    ) {
        mode = config.forwardingMode
        list = config.destinations
        self.reserved = reserved
    }

    /// The code under which `host` is refused whatever it resolves to; `nil`: go and resolve it.
    package func refusalBeforeResolving(_ host: String, _ port: UInt16) -> MessageCode? {
        guard mode == .enable || mode == .filter else { return .securityForwardingRejected }
        let name = HostLiteral.canonical(host)
        if let address = HostLiteral.address(name) {
            return refusal(of: address, named: name, port, .workspace)
        }
        if list.deny.contains(where: { $0.matches(name: name, port: port) }) {
            return .securityForwardingRejected
        }
        guard mode == .filter else { return nil }
        let mayMatch = list.allow.contains {
            $0.matches(name: name, port: port) || $0.isNetwork && $0.ports.contains(port)
        }
        return mayMatch ? nil : .securityForwardingRejected
    }

    /// The code under which one address of `host` is refused.
    func refusal(
        of address: IPAddress,
        named host: String,
        _ port: UInt16,
        _ network: DialNetwork
    ) -> MessageCode? {
        if reserved.contains(address, from: network) { return .securityForwardAddressDenied }
        let name = HostLiteral.canonical(host)
        func speaks(_ rule: EndpointRule) -> Bool {
            rule.matches(name: name, port: port) || rule.matches(address, port: port)
        }
        if list.deny.contains(where: speaks) { return .securityForwardingRejected }
        switch mode {
        case .enable: return nil
        case .filter: return list.allow.contains(where: speaks) ? nil : .securityForwardingRejected
        case .unset, .disable: return .securityForwardingRejected
        }
    }

    /// The code under which a name is refused that somebody else will resolve: with `filter` the
    /// name itself has to be allowed.
    func refusalUnresolved(of host: String, _ port: UInt16) -> MessageCode? {
        if let code = refusalBeforeResolving(host, port) { return code }
        let name = HostLiteral.canonical(host)
        guard mode == .filter, HostLiteral.address(name) == nil else { return nil }
        let isAllowed = list.allow.contains { $0.matches(name: name, port: port) }
        return isAllowed ? nil : .securityForwardingRejected
    }
}

extension EndpointRule {
    fileprivate var isNetwork: Bool {
        switch host {
        case .network: true
        case .name: false
        }
    }
}
