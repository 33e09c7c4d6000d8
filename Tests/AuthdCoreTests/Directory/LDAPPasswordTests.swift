import AuthClient
import DirectoryServer
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite(
    "Passwords of a directory",
    .enabled(if: DirectoryServer.isAvailable, "needs slapd and ldap-utils"),
    .timeLimit(.minutes(5))
)
struct LDAPPasswordTests {
    @Test("the right one lets in, without an account in the store; every other costs a bind")
    func passwords() async throws {
        try await DirectoryFixture.run { site async throws in
            let alice = try await site.logIn("alice")
            #expect(alice.success)
            #expect(alice.authenticatedUsername == "alice")
            #expect(try await site.logIn("jörg").success)
            for (name, password) in [
                ("alice", "pw-bob"), ("nobody", "pw-nobody"), ("ALICE", "pw-alice"),
                ("alice ", "pw-alice"), ("alice", "pw-alice\0"), ("service", "look things up"),
            ] {
                let answer = try await site.logIn(name, password)
                #expect(answer.isSilent, "\(name) \(password)")
            }
            let log = await site.server.stop()
            #expect(log.contains(#"BIND dn="uid=nobody-"#), "\(log)")
            for secret in ["pw-", "look things up"] {
                #expect(!site.fixture.logText.contains(secret))
            }
        }
    }

    @Test("an empty password is refused before the server is asked, who would take it")
    func empty() async throws {
        try await DirectoryFixture.run { site async throws in
            #expect(try await !site.logIn("alice", "").success)
            #expect(site.reasons == ["empty password"])
            #expect(await !site.server.stop().contains("BIND dn=\"uid="))
        }
    }

    @Test(
        "names with what filters and distinguished names are made of find nobody else",
        arguments: [
            "*", "*)(uid=*", "alice)(objectClass=*", "al*", #"\2a"#, "alice\0", "a\nb", "",
            "alice,ou=people", "uid=alice", "alice)(|(uid=*", String(repeating: "x", count: 9999),
        ]
    )
    func injection(_ name: String) async throws {
        try await DirectoryFixture.run { site async throws in
            for password in ["pw-alice", "pw-bob", "x"] {
                #expect(try await site.logIn(name, password).isSilent)
            }
            let key = try await site.ask(name, .publicKey(Keys.first))
            #expect(!key.success)
            let authorization = AuthQuestion.authorization(authenticatedUsername: name)
            #expect(try await !site.ask(name, authorization).success)
        }
    }

    @Test("people whose names are strange get in all the same, found by a search or by a template")
    func strangeNames() async throws {
        let names = [#"a,b+c"d"#, "x (y) *", #"back\slash"#, "#sharp"]
        try await DirectoryFixture.run { site async throws in
            for name in names {
                let dn = LDAPText.name("uid={username},\(DirectoryServer.people)", username: name)
                try await site.server.add(DirectoryServer.person(name, dn: dn))
                #expect(try await site.logIn(name).success, "\(name)")
            }
            // Without an account that looks people up, who only know themselves.
            try await DirectoryFixture.run(on: site.server) {
                $0.bindDN = ""
                $0.bindPassword = Secret()
                $0.userDN = "uid={username},\(DirectoryServer.people)"
                $0.userFilter = "(objectClass=inetOrgPerson)"
                $0.groupFilter = ""
            } _: { site async throws in
                for name in names + ["alice", "jörg"] {
                    let answer = try await site.logIn(name)
                    #expect(answer.success, "\(name): \(site.reasons)")
                    #expect(try await !site.logIn(name, "x").success)
                }
                #expect(try await site.logIn("bob").carried.groups == ["developers"])
                #expect(try await !site.logIn("bob,ou=people", "pw-bob").success)
                #expect(try await !site.logIn("nobody").success)
            }
        }
    }

    @Test("a filter that finds several, and an entry with several names, let nobody in")
    func ambiguous() async throws {
        try await DirectoryFixture.run({ config, _ in
            config.userFilter = "(|(uid={username})(mail={username}))"
        }) { site async throws in
            try await site.server.add(DirectoryServer.person("x1", "mail: bob"))
            try await site.server.add(DirectoryServer.person("y1", "uid: y2"))
            #expect(try await !site.logIn("bob").success)
            #expect(try await !site.logIn("y1").success)
            #expect(try await !site.logIn("y2", "pw-y1").success)
            // Found by another name than their own.
            #expect(try await !site.logIn("alice@berth.test", "pw-alice").success)
            #expect(site.fixture.logText.contains("AUTHD_LDAP_ENTRY_UNUSABLE"))
            #expect(site.reasons.contains("several entries"))
            #expect(site.reasons.contains("2 values of uid"))
        }
    }

    @Test("an expired password and one that must be changed are told to those who have it")
    func policy() async throws {
        try await DirectoryFixture.run { site async throws in
            let strict = "pwdPolicySubentry: cn=strict,ou=policies,\(DirectoryServer.base)"
            try await site.server.add(DirectoryServer.person("old", strict))
            var answer = try await site.logIn("old")
            let deadline = ContinuousClock.now + .seconds(90)
            while answer.success, ContinuousClock.now < deadline {
                answer = try await site.logIn("old")
            }
            let text = try #require(MessageCode.authdLDAPPasswordExpired.personText)
            #expect(answer == AuthResponse(success: false, reason: text))
            #expect(try await site.logIn("old", "wrong") == AuthResponse(success: false))

            try await site.server.add(DirectoryServer.person("new", "pwdReset: TRUE"))
            #expect(try await site.logIn("new") == AuthResponse(success: false, reason: text))
            #expect(site.fixture.logText.contains("AUTHD_LDAP_PASSWORD_EXPIRED"))

            let locked = DirectoryServer.person("locked", strict)
            try await site.server.add(locked)
            for _ in 0..<3 { _ = try await site.logIn("locked", "wrong") }
            // Also a stranger may have locked it: nobody is told.
            #expect(try await site.logIn("locked") == AuthResponse(success: false))
            #expect(site.reasons.last == "account is locked")
        }
    }

    @Test("the store's account adds its second factor, its names and its end")
    func account() async throws {
        try await DirectoryFixture.run { site async throws in
            let administrator = site.fixture.administrator
            _ = try await administrator.add(
                NewUser(name: "alice", groups: ["ops"], loginNames: ["deploy"])
            )
            let answer = try await site.logIn("alice")
            #expect(answer.carried.groups == ["developers", "ops"])
            let deploy = AuthQuestion.authorization(authenticatedUsername: "alice")
            #expect(try await site.ask("deploy", deploy).success)
            #expect(try await !site.logIn("deploy", "pw-alice").success)

            let secret = Array("12345678901234567890".utf8)
            try await site.fixture.store.enrolTOTP(
                "alice",
                secret: secret,
                recoveryCodes: ["ABCD-EFGH-IJKL-MNOP"]
            )
            let now = TOTP.step(at: Int(Date.now.timeIntervalSince1970))
            try await administrator.confirmTOTP("alice", TOTP.code(secret, step: now), skew: 1)
            #expect(try await !site.logIn("alice").success)
            #expect(site.reasons.last == "password without the second factor")
            // In other letters it is still hers.
            #expect(try await !site.logIn("Alice", "pw-alice").success)
            try await conversation(site)

            _ = try await administrator.change("alice", UserChange(disabled: true))
            #expect(try await !site.logIn("alice").success)
            #expect(site.reasons.last == "user is disabled")
        }
    }

    /// The directory's password, then the code; what the directory says is not lost in between.
    private func conversation(_ site: DirectoryFixture) async throws {
        let conversation = try await Conversation(
            site.passwords,
            config: .init(),
            logger: site.fixture.logger
        )
        func step(_ step: KeyboardRequest.Step) async throws -> KeyboardResponse {
            let head = request("alice", .password([])).head
            return try await conversation.answer(KeyboardRequest(head: head, step: step))
        }
        guard case .round(let first) = try await step(.begin(devices: "")),
            case .round(let second) = try await step(
                .answers([Array("pw-alice".utf8)], state: first.state)
            )
        else {
            Issue.record("no questions")
            return
        }
        #expect(second.prompts.map(\.prompt) == ["Code of your app: "])
        let code = Array("ABCD-EFGH-IJKL-MNOP".utf8)
        guard case .verdict(let verdict) = try await step(.answers([code], state: second.state))
        else {
            Issue.record("no verdict")
            return
        }
        #expect(verdict.success)
        #expect(verdict.carried.groups == ["developers", "ops"])
    }

    @Test(
        "the first source that has a password for the name decides",
        arguments: [AuthdLDAPConfig.Order.store, .ldap]
    )
    func order(_ order: AuthdLDAPConfig.Order) async throws {
        try await DirectoryFixture.run({ config, _ in config.order = order }) {
            site async throws in
            for name in ["alice", "here"] {
                let user = NewUser(name: name, passwordBase64: base64("local"))
                _ = try await site.fixture.administrator.add(user)
            }
            #expect(try await site.logIn("alice", "local").success == (order == .store))
            #expect(try await site.logIn("alice").success == (order == .ldap))
            #expect(try await site.logIn("here", "local").success)
            #expect(try await site.logIn("bob").success)
            for name in ["alice", "here", "bob", "nobody"] {
                #expect(try await !site.logIn(name, "x").success)
            }
        }
    }
}
