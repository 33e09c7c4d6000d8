import Glibc
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
        let name = Self.canonical(host)
        if let address = Self.address(name) {
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
        let name = Self.canonical(host)
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
        let name = Self.canonical(host)
        guard mode == .filter, Self.address(name) == nil else { return nil }
        let isAllowed = list.allow.contains { $0.matches(name: name, port: port) }
        return isAllowed ? nil : .securityForwardingRejected
    }

    /// Lower case, without the dot that ends a full name.
    private static func canonical(_ host: String) -> String {
        let name = host.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// The address behind a literal, in the odd forms too that resolvers understand: `127.1`,
    /// `0x7f000001` (inet_aton(3)), `fe80::1%eth0`.
    private static func address(_ host: String) -> IPAddress? {
        let bare = host.split(separator: "%", maxSplits: 1).first.map(String.init) ?? host
        if let address = IPAddress(bare) { return address }
        guard !bare.isEmpty, !bare.utf8.contains(where: { $0 == 0 || $0 == 0x20 }) else {
            return nil
        }
        // In network order.
        var bytes = [UInt8](repeating: 0, count: 4)
        let isParsed = unsafe bytes.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe inet_aton(bare, start.assumingMemoryBound(to: in_addr.self)) != 0
        }
        return isParsed ? IPAddress(bytes: bytes) : nil
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
