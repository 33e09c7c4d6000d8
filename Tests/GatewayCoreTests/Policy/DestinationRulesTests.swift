import SharedConfig
import SharedMessages
import Testing

@testable import GatewayCore

@Suite("Where forwarded connections may go")
struct DestinationRulesTests {
    private static let own = ReservedAddresses {
        Set(["192.0.2.7", "2001:db8::7"].compactMap { IPAddress($0) })
    }

    private func rules(
        _ mode: SecurityConfig.Mode,
        allow: [String] = [],
        deny: [String] = []
    ) -> DestinationRules {
        var config = SecurityForwardingConfig()
        config.forwardingMode = mode
        config.destinations.allow = allow.compactMap { EndpointRule($0) }
        config.destinations.deny = deny.compactMap { EndpointRule($0) }
        return DestinationRules(config, reserved: Self.own)
    }

    private func permitted(
        _ rules: DestinationRules,
        _ host: String,
        _ addresses: [String],
        port: UInt16 = 80,
        from network: DialNetwork = .workspace
    ) throws -> [String] {
        let permission = DialPermission(rules, host: host, port: port)
        let addresses = addresses.compactMap { IPAddress($0) }
        return try permission.permitted(addresses, from: network).map(\.description)
    }

    @Test(
        "addresses of the gateway's side are out of reach, in whatever form",
        arguments: [
            "169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254", "100.100.100.200",
            "168.63.129.16", "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
            "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "192.0.2.7",
            "2001:db8::7",
        ]
    )
    func reserved(_ address: String) {
        let rules = rules(.enable, allow: ["*", "0.0.0.0/0", "::/0"])
        for network in [DialNetwork.workspace, .gateway] {
            let error = #expect(throws: CodedError.self) {
                try permitted(rules, "innocent.example.org", [address], from: network)
            }
            #expect(error?.code == .securityForwardAddressDenied)
        }
    }

    @Test(
        "loopback is the workspace's own, unless it shares the gateway's network",
        arguments: ["127.0.0.1", "127.8.9.1", "::1"]
    )
    func loopback(_ address: String) throws {
        #expect(try permitted(rules(.enable), "localhost", [address]) == [address])
        let error = #expect(throws: CodedError.self) {
            try permitted(rules(.enable), "localhost", [address], from: .gateway)
        }
        #expect(error?.code == .securityForwardAddressDenied)
    }

    @Test("of a name's addresses only those that are allowed are handed out, in their order")
    func someAddresses() throws {
        let rules = rules(.enable, deny: ["10.0.0.0/8"])
        let found = ["10.0.0.1", "8.8.8.8", "169.254.169.254", "1.1.1.1"]
        #expect(try permitted(rules, "x.example.org", found) == ["8.8.8.8", "1.1.1.1"])
    }

    @Test("a name that resolves to nothing is refused")
    func noAddress() {
        #expect(throws: CodedError.self) { try permitted(rules(.enable), "x", []) }
    }

    @Test("with filter, a name or the network of its address has to be allowed")
    func filter() throws {
        let rules = rules(
            .filter,
            allow: ["*.internal:443", "10.0.0.0/8:22"],
            deny: ["10.9.0.0/16"]
        )
        #expect(rules.refusalBeforeResolving("db.internal", 443) == nil)
        #expect(rules.refusalBeforeResolving("DB.Internal.", 443) == nil)
        #expect(rules.refusalBeforeResolving("db.internal", 444) == .securityForwardingRejected)
        #expect(rules.refusalBeforeResolving("elsewhere", 22) == nil)
        #expect(rules.refusalBeforeResolving("10.1.1.1", 22) == nil)
        #expect(rules.refusalBeforeResolving("10.9.1.1", 22) == .securityForwardingRejected)
        #expect(rules.refusalBeforeResolving("11.1.1.1", 22) == .securityForwardingRejected)
        #expect(try permitted(rules, "db.internal", ["203.0.113.1"], port: 443) == ["203.0.113.1"])
        #expect(try permitted(rules, "elsewhere", ["10.2.2.2"], port: 22) == ["10.2.2.2"])
        #expect(throws: CodedError.self) {
            try permitted(rules, "elsewhere", ["203.0.113.1"], port: 22)
        }
        #expect(throws: CodedError.self) {
            try permitted(rules, "db.internal", ["10.9.0.1"], port: 443)
        }
    }

    @Test("with filter and no list nothing is allowed, as with disable")
    func filterWithoutList() {
        for mode in [SecurityConfig.Mode.filter, .disable, .unset] {
            let code = rules(mode).refusalBeforeResolving("x", 80)
            #expect(code == .securityForwardingRejected)
        }
    }

    @Test("a denied name is refused before anybody is asked for its address")
    func deniedName() {
        let rules = rules(.enable, deny: ["*.corp:*", "10.0.0.0/8"])
        #expect(rules.refusalBeforeResolving("git.corp", 22) == .securityForwardingRejected)
        #expect(rules.refusalBeforeResolving("git.corp.", 22) == .securityForwardingRejected)
        #expect(rules.refusalBeforeResolving("10.1.1.1", 22) == .securityForwardingRejected)
        #expect(rules.refusalBeforeResolving("git.org", 22) == nil)
    }

    @Test(
        "odd spellings of an address are that address",
        arguments: [
            "2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376", "fe80::1%lo",
        ]
    )
    func oddLiterals(_ host: String) {
        #expect(rules(.enable).refusalBeforeResolving(host, 80) == .securityForwardAddressDenied)
    }

    @Test("a name that somebody else resolves has to be allowed as a name")
    func unresolved() throws {
        let rules = rules(.filter, allow: ["*.internal", "10.0.0.0/8"])
        func permit(_ host: String) throws {
            try DialPermission(rules, host: host, port: 80).permitUnresolved()
        }
        try permit("a.internal")
        try permit("10.1.1.1")
        #expect(throws: CodedError.self) { try permit("elsewhere") }
        #expect(throws: CodedError.self) { try permit("169.254.169.254") }
    }

    @Test("this machine's own addresses are known")
    func thisMachine() {
        let reserved = ReservedAddresses.ofThisMachine
        #expect(reserved.contains(.loopback4, from: .gateway))
        #expect(!reserved.contains(.loopback4, from: .workspace))
    }
}
