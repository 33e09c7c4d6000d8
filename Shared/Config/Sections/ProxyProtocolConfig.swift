/// PROXY protocol headers in front of SSH connections.
package struct ProxyProtocolConfig: ConfigSection {
    /// The proxies from which a header is taken; none: a header is refused.
    package var trustedNetworks: [IPNetwork] = []
    /// Whether connections without a header are refused.
    package var required = false
    /// How long a proxy may take to send its header.
    package var timeout: Duration = .seconds(5)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("trustedNetworks", &trustedNetworks)
        visitor.field("required", &required)
        visitor.field("timeout", &timeout)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("timeout", timeout, atLeast: .milliseconds(1))
        list.check(
            !required || !trustedNetworks.isEmpty,
            "required",
            "true",
            "needs trustedNetworks, or nobody could connect"
        )
        return list.problems
    }
}
