import Testing

@testable import AuthdCore

@Suite("Names in filters and distinguished names")
struct LDAPTextTests {
    @Test(
        "what people type is a value in a filter, and nothing else",
        arguments: [
            ("alice", "(uid=alice)"), ("*)(uid=*", #"(uid=\2a\29\28uid=\2a)"#),
            (#"a\2a"#, #"(uid=a\5c2a)"#), ("jörg", "(uid=jörg)"), ("\0", #"(uid=\00)"#),
            ("{dn}", "(uid={dn})"), ("{username}", "(uid={username})"),
        ]
    )
    func filters(_ name: String, _ filter: String) {
        #expect(LDAPText.filter("(uid={username})", username: name, dn: "x") == filter)
    }

    @Test("a filter gets the distinguished name too, once")
    func distinguishedName() {
        let filter = LDAPText.filter(
            "(|(member={dn})(memberUid={username})({x}))",
            username: "{dn}",
            dn: "cn=a(b)"
        )
        #expect(filter == #"(|(member=cn=a\28b\29)(memberUid={dn})({x}))"#)
    }

    @Test(
        "what people type is a value in a distinguished name, and reads back as it was",
        arguments: [
            "alice", "a,b", "a+b=c", "#x", " x ", "  ", #"a\b"#, #""x""#, "<;>", "jörg,ou=x",
        ]
    )
    func names(_ name: String) throws {
        let text = LDAPText.name("uid={username},ou=people", username: name)
        let parsed = try #require(LDAPName(text))
        #expect(parsed.first == name)
        #expect(parsed.normalized.hasSuffix(",ou=people"))
    }

    @Test("names with control characters, none, and endless ones are not asked for")
    func unusable() {
        for name in ["", "a\0", "a\nb", "\u{7F}", String(repeating: "x", count: 257)] {
            #expect(!LDAPText.isUsable(name))
        }
        #expect(LDAPText.isUsable("jörg*)(uid=*"))
    }

    @Test("a name is below another whatever the spelling")
    func below() throws {
        let base = try #require(LDAPName("OU=Groups, dc=Berth"))
        #expect(try #require(LDAPName("cn=a,ou=groups,DC=berth")).isBelow(base))
        #expect(try #require(LDAPName("cn=a,ou=othergroups,dc=berth")).isBelow(base) == false)
        #expect(try #require(LDAPName("ou=groups,dc=berth")).isBelow(base) == false)
        for text in ["", "no name", "cn=a,,"] { #expect(LDAPName(text) == nil) }
    }
}

@Suite("Which LDAP server is asked")
struct LDAPServerListTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test("all in order, and one that has failed not before its time is over")
    func order() {
        var list = LDAPServerList(count: 3, retryAfter: .seconds(10))
        #expect(list.candidates(at: start) == [0, 1, 2])
        let isNews = list.failed(0, at: start)
        #expect(isNews)
        let isNewsAgain = list.failed(0, at: start)
        #expect(!isNewsAgain)
        #expect(list.candidates(at: at(9)) == [1, 2])
        #expect(list.candidates(at: at(10)) == [0, 1, 2])
    }

    @Test("one call finds out whether a server is back; the others do not wait for it")
    func probe() {
        var list = LDAPServerList(count: 2, retryAfter: .seconds(10))
        _ = list.failed(0, at: start)
        #expect(list.candidates(at: at(10)) == [0, 1])
        #expect(list.candidates(at: at(10)) == [1])
        #expect(list.answered(0, at: at(11)) == .seconds(11))
        #expect(list.answered(0, at: at(11)) == nil)
        #expect(list.candidates(at: at(11)) == [0, 1])
    }

    @Test("while all are down one call a second asks them")
    func allDown() {
        var list = LDAPServerList(count: 2, retryAfter: .seconds(10))
        for index in 0..<2 { _ = list.failed(index, at: start) }
        #expect(list.candidates(at: start) == [])
        #expect(list.candidates(at: at(1)) == [0, 1])
        #expect(list.candidates(at: at(1)) == [])
        #expect(list.candidates(at: at(2)) == [0, 1])
    }
}
