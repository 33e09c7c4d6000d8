import AuthClient
import DirectoryServer
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite(
    "Groups, keys and attributes of a directory",
    .enabled(if: DirectoryServer.isAvailable, "needs slapd and ldap-utils"),
    .timeLimit(.minutes(5))
)
struct LDAPPeopleTests {
    private static let allGroups = ["Domain_Staff", "developers", "everybody"]

    @Test("groups by a search, and those that groups are in; circles end")
    func groups() async throws {
        try await DirectoryFixture.run { site async throws in
            #expect(try await site.logIn("alice").carried.groups == ["developers"])
            #expect(try await site.logIn("jörg").carried.groups == [])
            try await DirectoryFixture.run(on: site.server) {
                $0.nestedGroups = true
            } _: { site async throws in
                let answer = try await site.logIn("alice")
                #expect(answer.carried.groups == Self.allGroups)
            }
        }
    }

    @Test("groups by memberOf, nested too, and none from elsewhere")
    func memberOf() async throws {
        try await DirectoryFixture.run({ config, _ in config.groupFilter = "" }) {
            site async throws in
            try await site.server.add(
                """
                dn: cn=admins,\(DirectoryServer.people)
                objectClass: groupOfNames
                cn: admins
                member: uid=alice,\(DirectoryServer.people)

                """
            )
            #expect(try await site.logIn("alice").carried.groups == ["developers"])
            try await DirectoryFixture.run(on: site.server) {
                $0.groupFilter = ""
                $0.groupBase = ""
                $0.nestedGroups = true
            } _: { site async throws in
                let answer = try await site.logIn("alice")
                #expect(answer.carried.groups == (Self.allGroups + ["admins"]).sorted())
            }
        }
    }

    @Test("without the required group nobody gets in, by whatever they prove it")
    func requiredGroup() async throws {
        try await DirectoryFixture.run({ config, _ in config.requiredGroup = "developers" }) {
            site async throws in
            #expect(try await site.logIn("bob").success)
            #expect(try await !site.logIn("jörg").success)
            #expect(site.reasons.last == "not in the group developers")
            #expect(try await !site.logIn("jörg", "x").success)
            let question = AuthQuestion.authorization(authenticatedUsername: "jörg")
            #expect(try await !site.ask("jörg", question).success)
        }
    }

    @Test("attributes become metadata and environment; those that are missing do not")
    func attributes() async throws {
        try await DirectoryFixture.run({ config, _ in
            config.metadata = ["department": "departmentNumber", "phone": "telephoneNumber"]
            config.environment = ["GIT_AUTHOR_EMAIL": "mail"]
        }) { site async throws in
            let carried = try await site.logIn("alice").carried
            #expect(carried.metadata["department"] == MetadataValue("42"))
            #expect(carried.metadata["phone"] == nil)
            #expect(carried.environment == ["GIT_AUTHOR_EMAIL": MetadataValue("alice@berth.test")])
        }
    }

    @Test("keys of the directory let their owner in, with their options; /authz knows people")
    func keys() async throws {
        try await DirectoryFixture.run { site async throws in
            let options = #"from="10.0.0.0/8",restrict "#
            try await site.server.add(
                DirectoryServer.person(
                    "keys",
                    "sshPublicKey: no key\nsshPublicKey: \(Keys.first)\n"
                        + "sshPublicKey: \(options)\(Keys.second)"
                )
            )
            let answer = try await site.ask("keys", .publicKey(Keys.first))
            #expect(answer.success)
            #expect(answer.authenticatedUsername == "keys")
            for (name, key) in [
                ("keys", Keys.second), ("keys", Keys.ecdsa), ("alice", Keys.first),
                ("KEYS", Keys.first), ("nobody", Keys.first),
            ] {
                #expect(try await !site.ask(name, .publicKey(key)).success, "\(name)")
            }
            for (typed, authenticated, success) in [
                ("keys", "keys", true), ("root", "keys", false), ("keys", "KEYS", false),
                ("alice", "nobody", false),
            ] {
                let question = AuthQuestion.authorization(authenticatedUsername: authenticated)
                #expect(try await site.ask(typed, question).success == success)
            }
            // The store's account of that name counts.
            let user = NewUser(name: "keys", keys: [Keys.ecdsa])
            _ = try await site.fixture.administrator.add(user)
            #expect(try await site.ask("keys", .publicKey(Keys.ecdsa)).success)
            #expect(try await site.ask("keys", .publicKey(Keys.first)).success)
            _ = try await site.fixture.administrator.change("keys", UserChange(disabled: true))
            #expect(try await !site.ask("keys", .publicKey(Keys.first)).success)
        }
    }

    @Test("where everybody has to be in the directory, keys of the store alone do not let in")
    func requireEntry() async throws {
        try await DirectoryFixture.run({ config, _ in
            config.requireEntry = true
            config.userFilter = "(&(uid={username})(!(description=disabled)))"
        }) { site async throws in
            for name in ["alice", "local"] {
                let user = NewUser(name: name, passwordBase64: base64("pw"), keys: [Keys.first])
                _ = try await site.fixture.administrator.add(user)
            }
            let answer = try await site.ask("alice", .publicKey(Keys.first))
            #expect(answer.carried.groups == ["developers"])
            #expect(try await !site.ask("local", .publicKey(Keys.first)).success)
            #expect(try await !site.logIn("local", "pw").success)
            #expect(site.reasons.last == "not in the directory")
            try await site.server.add(
                """
                dn: uid=alice,\(DirectoryServer.people)
                changetype: modify
                replace: description
                description: disabled

                """
            )
            #expect(try await !site.ask("alice", .publicKey(Keys.first)).success)
        }
    }

    @Test("more groups than are taken let nobody in; a great many keys do no harm")
    func huge() async throws {
        try await DirectoryFixture.run { site async throws in
            let many = (0...1000).map {
                DirectoryServer.group("g\($0)", ["uid=bob,\(DirectoryServer.people)"])
            }
            try await site.server.add(many.joined())
            #expect(try await !site.logIn("bob").success)
            #expect(site.reasons.contains("too many groups"))
            #expect(try await site.logIn("alice").success)

            let keys = (0..<5000).map { "sshPublicKey: \(Keys.first) \($0)" }
            try await site.server.add(
                DirectoryServer.person("many", keys.joined(separator: "\n"))
            )
            #expect(try await site.logIn("many").success)
            #expect(try await site.ask("many", .publicKey(Keys.first)).success)
        }
    }
}
