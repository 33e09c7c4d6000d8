import Testing

@testable import ConfigdCore

@Suite("Matching")
struct MatchingTests {
    @Test(
        "a pattern fits as in a shell",
        arguments: [
            ("*", "", true), ("*", "x", true), ("a*", "abc", true), ("a*", "b", false),
            ("a?c", "abc", true), ("a?c", "ac", false), ("*a*b", "xxaxxb", true),
            ("*a*b", "xxaxx", false), ("", "", true), ("", "x", false), ("a", "A", false),
            ("dev-*-x", "dev-1-2-x", true), ("**", "x", true), ("é?", "éx", true),
        ]
    )
    func globs(pattern: String, text: String, fits: Bool) {
        #expect(Glob(pattern).matches(text) == fits)
    }

    @Test("a pattern with many stars takes no time that grows without bound")
    func manyStars() {
        let pattern = String(repeating: "*a", count: 500) + "b"
        #expect(!Glob(pattern).matches(String(repeating: "a", count: 5000)))
    }

    @Test(
        "a network contains its addresses and no others",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/9", "10.128.0.0", false), ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("::/0", "2001:db8::1", true),
        ]
    )
    func networks(range: String, address: String, isInside: Bool) throws {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        "what is no network is refused",
        arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "x", "::/129", "1.2.3.4/", "/8"]
    )
    func malformed(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test(
        "the address is found in what the webhook sends",
        arguments: [
            ("203.0.113.7:41022", "203.0.113.7"), ("[2001:db8::7]:1", "2001:db8::7"),
            ("203.0.113.7", "203.0.113.7"), ("2001:db8::7", "2001:db8::7"),
        ]
    )
    func endpoints(text: String, address: String) {
        #expect(IPAddress(endpoint: text) == IPAddress(address))
        #expect(IPAddress(address) != nil)
    }

    @Test(
        "what is no address is none",
        arguments: ["", ":", "<nil>:0", "host:1", "[::1", "1.2.3:4"]
    )
    func noEndpoint(text: String) {
        #expect(IPAddress(endpoint: text) == nil)
    }
}
