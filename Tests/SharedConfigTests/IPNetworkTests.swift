import Testing

@testable import SharedConfig

@Suite("Addresses, networks and rules of host and port")
struct IPNetworkTests {
    @Test(
        "an address has one form",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("FD00:0::1", "fd00::1"),
            ("::1", "::1"), ("::", "::"), ("::ffff:0:0", "0.0.0.0"),
        ]
    )
    func forms(_ text: String, _ shown: String) throws {
        #expect(try #require(IPAddress(text)).description == shown)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "10.0.0", "10.0.0.256", "010.0.0.1", "fe80::1%eth0", "[::1]", "1\u{0}", "a",
        ]
    )
    func noAddress(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "a network holds its addresses and no others",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3/8", "10.0.0.1", true), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false), ("::/0", "fd00::1", true),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
            ("2001:db8::/65", "2001:db8::1", true),
            ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::1", "::1", true),
        ]
    )
    func holds(_ network: String, _ address: String, _ isIn: Bool) throws {
        let network = try #require(IPNetwork(network))
        #expect(network.contains(try #require(IPAddress(address))) == isIn)
    }

    @Test(
        "what is no network is refused",
        arguments: ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "x/8", "10.0.0.0/8/8"]
    )
    func noNetwork(_ text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test(
        "addresses inside of IPv6's tunnels and translators are seen",
        arguments: [
            ("64:ff9b::a9fe:a9fe", "169.254.169.254"), ("2002:7f00:1::", "127.0.0.1"),
            ("::7f00:1", "127.0.0.1"),
        ]
    )
    func embedded(_ text: String, _ inner: String) throws {
        #expect(try #require(IPAddress(text)).embeddedIPv4?.description == inner)
    }

    @Test("an ordinary address holds no other", arguments: ["::1", "::", "fd00::1", "10.0.0.1"])
    func notEmbedded(_ text: String) throws {
        #expect(try #require(IPAddress(text)).embeddedIPv4 == nil)
    }

    @Test(
        "a rule speaks of names and ports",
        arguments: [
            ("db.internal:5432", "DB.internal", 5432, true),
            ("db.internal:5432", "db.internal", 5433, false),
            ("*.example.org:80-443", "a.b.example.org", 100, true),
            ("*.example.org:80-443", "example.org", 100, false), ("*", "anything", 1, true),
            ("*:22", "anything", 23, false), ("db", "db", 65535, true),
            ("10.0.0.1", "10.0.0.1", 1, false),
        ]
    )
    func names(_ rule: String, _ name: String, _ port: UInt16, _ matches: Bool) throws {
        #expect(try #require(EndpointRule(rule)).matches(name: name, port: port) == matches)
    }

    @Test(
        "a rule speaks of addresses and ports",
        arguments: [
            ("10.0.0.0/8:22", "10.1.1.1", 22, true), ("10.0.0.0/8:22", "10.1.1.1", 23, false),
            ("[fd00::/8]:443", "fd00::1", 443, true), ("[fd00::1]", "fd00::1", 1, true),
            ("fd00::1", "fd00::1", 1, true), ("*:443", "8.8.8.8", 443, true),
            ("*.org:443", "8.8.8.8", 443, false),
        ]
    )
    func addresses(_ rule: String, _ address: String, _ port: UInt16, _ matches: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try #require(EndpointRule(rule)).matches(address, port: port) == matches)
    }

    @Test(
        "what is no rule is refused",
        arguments: [
            "", ":22", "a b", "host:", "host:x", "host:70000", "host:9-8", "host:-1", "host:1-",
            "[::1", "[::1]22", "a:b:c", "host/8", "https://x", "10.0.0.0/40",
        ]
    )
    func noRule(_ text: String) {
        #expect(EndpointRule(text) == nil)
    }
}
