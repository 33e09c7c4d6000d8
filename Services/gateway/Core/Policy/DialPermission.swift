package import SharedConfig
package import SharedMessages

/// Whose network a dialled address belongs to.
package enum DialNetwork: Sendable, Hashable {
    /// One apart from the gateway's: the loopback addresses are the workspace's own.
    case workspace
    /// The network of the gateway's machine: the loopback addresses are the gateway's own.
    case gateway
}

/// What a backend asks before it connects to a host for somebody.
///
/// Whoever resolves the name shows the addresses here and connects to those it gets back, never to
/// the name again: a name that changes its meaning in between gains nothing.
package struct DialPermission: Sendable {
    private let rules: DestinationRules
    private let host: String
    private let port: UInt16

    package init(_ rules: DestinationRules, host: String, port: UInt16) {
        self.rules = rules
        self.host = host
        self.port = port
    }

    /// For a socket's path there is nothing to resolve and nothing to permit.
    package init(_ rules: DestinationRules, to destination: DialDestination) {
        switch destination {
        case .tcp(let host, let port): self.init(rules, host: host, port: port)
        case .unixSocket: self.init(rules, host: "", port: 0)
        }
    }

    /// The addresses that may be connected to, in the order given.
    ///
    /// - Throws: a `CodedError` with a text for the person when there is none, or no address was
    ///   given.
    package func permitted(
        _ addresses: [IPAddress],
        from network: DialNetwork
    ) throws(CodedError) -> [IPAddress] {
        let answers = addresses.map { ($0, rules.refusal(of: $0, named: host, port, network)) }
        let permitted = answers.filter { $0.1 == nil }.map(\.0)
        guard permitted.isEmpty else { return permitted }
        let isReserved = answers.contains { $0.1 == .securityForwardAddressDenied }
        throw CodedError(
            isReserved ? .securityForwardAddressDenied : .securityForwardingRejected,
            detail: "\(host): \(addresses.map(\.description).joined(separator: ", "))"
        )
    }

    /// For a backend that hands the name on to another machine: throws unless the name alone is
    /// enough.
    package func permitUnresolved() throws(CodedError) {
        guard let code = rules.refusalUnresolved(of: host, port) else { return }
        throw CodedError(code, detail: "\(host), not resolved here")
    }
}
