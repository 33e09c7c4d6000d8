import Testing

@testable import SharedConfig

@Suite("authd.ldap")
struct AuthdLDAPTests {
    /// The keys with problems, of a section that is complete but for `lines`.
    private func faults(_ lines: String...) -> Set<String> {
        let given = Set(lines.map { $0.prefix { $0 != ":" } })
        let usual = ["servers: [ldaps://ldap.example]", "base: dc=example"]
        let all = usual.filter { !given.contains($0.prefix { $0 != ":" }) } + lines
        let text = "authd:\n  ldap:\n" + all.map { "    \($0)\n" }.joined()
        return Set(problems(text).map { String($0.prefix { $0 != ":" }) })
    }

    private func key(_ name: String) -> Set<String> { ["authd.ldap.\(name)"] }

    @Test("needs servers and a base; without servers nothing is checked")
    func complete() {
        #expect(faults() == [])
        #expect(faults("base: ''") == key("base"))
        #expect(faults("base: ''", "servers: []") == [])
        #expect(faults("base: ''", "userDN: 'uid={username},dc=example'") == [])
        #expect(faults("userDN: 'uid=alice'") == key("userDN"))
    }

    @Test("passwords travel unencrypted to this machine only, or where that is said")
    func encryption() {
        let plain = "servers: [ldap://ldap.example]"
        #expect(faults(plain) == key("servers[0]"))
        #expect(faults(plain, "startTLS: true") == [])
        #expect(faults(plain, "allowInsecure: true") == [])
        for local in ["ldap://127.0.0.1:389", "ldap://localhost", "'ldap://[::1]:3890'"] {
            #expect(faults("servers: [\(local)]") == [], "\(local)")
        }
        #expect(faults("startTLS: true") == key("servers[0]"))
        for text in ["http://ldap.example", "ldaps://", "ldap.example", "ldaps://x/dc=example"] {
            #expect(faults("servers: ['\(text)']") == key("servers[0]"), "\(text)")
        }
    }

    @Test("an account has a name and one password")
    func account() {
        #expect(faults("bindDN: cn=a") == key("bindDN"))
        #expect(faults("bindPassword: x") == key("bindDN"))
        #expect(faults("bindDN: cn=a", "bindPassword: x") == [])
        #expect(faults("bindDN: cn=a", "bindPasswordFile: /x") == [])
        let both = faults("bindDN: cn=a", "bindPassword: x", "bindPasswordFile: /x")
        #expect(both == key("bindPasswordFile"))
    }

    @Test("filters are filters, and say whom they mean")
    func filters() {
        for text in [
            "uid={username}", "(uid={username}", "(a={username}))(", "(a={username})(b=c)",
        ] {
            #expect(faults("userFilter: '\(text)'") == key("userFilter"), "\(text)")
        }
        #expect(faults("userFilter: '(uid=alice)'") == key("userFilter"))
        #expect(faults("groupFilter: '(member={dn})'") == key("groupBase"))
        let base = "groupBase: ou=groups"
        #expect(faults(base, "groupFilter: '(member={dn})'", "nestedGroups: true") == [])
        #expect(faults(base, "groupFilter: '(memberUid={username})'") == [])
        #expect(
            faults(base, "groupFilter: '(memberUid={username})'", "nestedGroups: true")
                == key("nestedGroups")
        )
        #expect(faults(base, "groupFilter: '(cn=x)'") == key("groupFilter"))
    }

    @Test("attributes have names, and the groups' place is taken")
    func attributes() {
        #expect(faults("metadata: {mail: 'mail)'}") == key("metadata.mail"))
        #expect(faults("metadata: {groups: ou}") == key("metadata.groups"))
        #expect(faults("environment: {A: ''}") == key("environment.A"))
        #expect(faults("keysAttribute: 'a b'") == key("keysAttribute"))
        #expect(faults("usernameAttribute: ''") == key("usernameAttribute"))
    }

    @Test("times and numbers have bounds")
    func bounds() {
        for line in [
            "timeout: 0s", "connectTimeout: 1ms", "retryAfter: 0s", "threads: 0", "waiting: 0",
        ] {
            #expect(faults(line) == key(String(line.prefix { $0 != ":" })), "\(line)")
        }
        #expect(faults("order: both") == key("order"))
    }
}
