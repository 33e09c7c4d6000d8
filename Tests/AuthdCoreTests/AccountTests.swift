import AuthClient
import Foundation
import GRDB
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Accounts, groups and their keys", .timeLimit(.minutes(2)))
struct AccountTests {
    private func accepts(_ fixture: Fixture, _ request: AuthRequest) async throws -> Bool {
        try await fixture.authority.answer(request).success
    }

    private func key(
        _ line: String,
        as name: String = "alice",
        from address: String = "127.0.0.1:1"
    )
        -> AuthRequest
    {
        var question = request(name, .publicKey(line))
        question.head.remoteAddress = address
        return question
    }

    // MARK: - Imported hashes

    @Test(
        "a password is checked against an imported hash, which then becomes one of our own",
        arguments: ["$6$", "$2b$", "$y$", "$5$"]
    )
    func imported(_ prefix: String) async throws {
        try await Fixture.run { fixture async throws in
            let setting = try Yescrypt.salt(
                prefix,
                cost: prefix == "$2b$" ? 4 : prefix == "$y$" ? 1 : 1000
            )
            let hash = try Yescrypt.hash(Array("secret".utf8), setting: setting)
            _ = try await fixture.administrator.add(NewUser(name: "alice", passwordHash: hash))
            let wrong = request("alice", .password(Array("wrong".utf8)))
            let right = request("alice", .password(Array("secret".utf8)))
            #expect(try await !accepts(fixture, wrong))
            #expect(try await accepts(fixture, right))
            let stored = try await fixture.store.account(named: "alice")?.passwordHash
            #expect(stored?.hasPrefix("$y$") == true)
            #expect((stored == hash) == (prefix == "$y$"))
            #expect(try await accepts(fixture, right))
        }
    }

    @Test(
        "what is no hash that can be used is refused",
        arguments: [
            "", "secret", "*", "!", "$1$abcdefgh$G7PK3KcJlfr/jq0ZOjYFJ0", "$6$abc", "$6$abc$short",
            "$2b$04$tooshort", "$y$j9T$", "$6$a b$c", "$6$a:b$c",
        ]
    )
    func noHash(_ hash: String) async throws {
        try await Fixture.run { fixture async throws in
            let found = await code {
                try await fixture.administrator.add(NewUser(name: "alice", passwordHash: hash))
            }
            #expect(found == .authdPasswordInvalid)
        }
    }

    // MARK: - Accounts that end

    @Test(
        "an account that has expired is refused in every way, and counts again when it is changed"
    )
    func expired() async throws {
        try await Fixture.run { fixture async throws in
            let user = NewUser(
                name: "alice",
                passwordBase64: base64("pw"),
                expires: "2020-01-01",
                keys: [Keys.first]
            )
            let record = try await fixture.administrator.add(user)
            #expect(record.expires == "2020-01-02T00:00:00Z")
            let questions = [
                request("alice", .password(Array("pw".utf8))), key(Keys.first),
                request("alice", .authorization(authenticatedUsername: "alice")),
            ]
            for question in questions { #expect(try await !accepts(fixture, question)) }
            #expect(fixture.logText.contains("account has expired"))
            _ = try await fixture.administrator.change(
                "alice",
                UserChange(expires: "2999-12-31T00:00:00Z")
            )
            for question in questions { #expect(try await accepts(fixture, question)) }
            let never = try await fixture.administrator.change("alice", UserChange(expires: ""))
            #expect(never.expires == nil)
            let found = await code {
                try await fixture.administrator.change("alice", UserChange(expires: "tomorrow"))
            }
            #expect(found == .authdDateInvalid)
        }
    }

    // MARK: - Keys with options

    @Test("a key's options bound who may use it, and travel to the gateway")
    func options() async throws {
        try await Fixture.run { fixture async throws in
            let line = #"from="10.0.0.0/8",command="backup",no-pty,environment="A=b" "# + Keys.first
            _ = try await fixture.administrator.add(NewUser(name: "alice", keys: [line]))
            #expect(try await !accepts(fixture, key(Keys.first, from: "192.0.2.1:5")))
            #expect(try await !accepts(fixture, key(Keys.first, from: "[2001:db8::1]:5")))
            let answer = try await fixture.authority.answer(key(Keys.first, from: "10.1.1.1:5"))
            #expect(answer.success)
            #expect(answer.restrictions?.forceCommand == "backup")
            #expect(answer.restrictions?.permitPty == false)
            #expect(answer.restrictions?.permitPortForwarding == true)
            #expect(answer.carried.environment["A"] == MetadataValue("b"))
            let shown = try await fixture.administrator.user("alice").keys.first?.options
            #expect(shown?.hasPrefix("from=") == true)
        }
    }

    @Test("restrictions survive the wire, and those that cannot be read make the answer unreadable")
    func restrictionsOnTheWire() throws {
        let restricted = AuthResponse(
            success: true,
            restrictions: CredentialRestrictions(forceCommand: "x", permitPty: false)
        )
        let bytes = try JSONEncoder().encode(AuthResponseBody(restricted))
        #expect(try JSONDecoder().decode(AuthResponseBody.self, from: bytes).response == restricted)
        let plain = try JSONEncoder().encode(AuthResponseBody(AuthResponse(success: true)))
        #expect(!String(decoding: plain, as: UTF8.self).contains("restrictions"))
        let broken = Data(#"{"success":true,"restrictions":{"permitPty":"no"}}"#.utf8)
        #expect(throws: DecodingError.self) {
            _ = try JSONDecoder().decode(AuthResponseBody.self, from: broken)
        }
    }

    // MARK: - Log in as

    @Test("groups bring login names, also by pattern, to all their members and to nobody else")
    func logInAs() async throws {
        try await Fixture.run { fixture async throws in
            let administrator = fixture.administrator
            for (name, groups) in [("alice", ["ops"]), ("bob", [])] {
                _ = try await administrator.add(NewUser(name: name, groups: groups))
            }
            let group = NewGroup(name: "ops", loginNames: ["root", "glob:app-*"])
            #expect(try await administrator.setGroup(group).members == ["alice"])
            func mayLogIn(_ who: String, _ name: String) async throws -> Bool {
                let question = AuthQuestion.authorization(authenticatedUsername: who)
                return try await accepts(fixture, request(name, question))
            }
            for name in ["alice", "root", "app-web"] { #expect(try await mayLogIn("alice", name)) }
            for name in ["app", "xapp-web", "bob"] { #expect(try await !mayLogIn("alice", name)) }
            #expect(try await !mayLogIn("bob", "root"))
            try await administrator.removeGroup("ops")
            #expect(try await !mayLogIn("alice", "root"))
            #expect(try await administrator.user("alice").groups == [])
            #expect(await code { try await administrator.removeGroup("ops") } == .authdGroupUnknown)
        }
    }

    @Test("a user's own login names may be patterns too; what is no pattern is refused")
    func patterns() async throws {
        try await Fixture.run { fixture async throws in
            let user = NewUser(name: "alice", keys: [Keys.first], loginNames: ["glob:dev-?"])
            _ = try await fixture.administrator.add(user)
            #expect(try await accepts(fixture, key(Keys.first, as: "dev-1")))
            #expect(try await !accepts(fixture, key(Keys.first, as: "dev-12")))
            for name in ["glob:", "glob:a b", "regex:.*"] {
                let found = await code {
                    try await fixture.administrator.change("alice", UserChange(loginNames: [name]))
                }
                #expect(found == .authdNameInvalid)
            }
        }
    }

    // MARK: - Changes, backup, migration

    @Test("every change is in the list with who made it, and without values")
    func changes() async throws {
        try await Fixture.run { fixture async throws in
            let administrator = fixture.administrator
            try await ChangeActor.$name.withValue("token ops") {
                _ = try await administrator.add(
                    NewUser(name: "alice", passwordBase64: base64("pw1"))
                )
                try await administrator.setPassword(
                    "alice",
                    NewPassword(passwordBase64: base64("pw2"))
                )
                _ = try await administrator.addKey("alice", Keys.first)
            }
            _ = try await administrator.change("alice", UserChange(disabled: true, groups: ["red"]))
            try await administrator.remove("alice")
            let list = try await administrator.changes(of: "alice", limit: 10)
            #expect(
                list.map(\.action) == [
                    "user removed", "user changed", "key added", "user changed", "user added",
                ]
            )
            #expect(list.map(\.actor) == ["authd", "authd", "token ops", "token ops", "token ops"])
            #expect(list[1].detail == "disabled, groups")
            #expect(list[2].detail == Keys.firstFingerprint)
            let text = "\(list)"
            #expect(!text.contains("pw1") && !text.contains("pw2") && !text.contains("red"))
            #expect(try await administrator.changes(of: nil, limit: 2).count == 2)
        }
    }

    @Test("a change that fails is not in the list")
    func failedChange() async throws {
        try await Fixture.run { fixture async throws in
            _ = await code { try await fixture.administrator.remove("nobody") }
            #expect(try await fixture.administrator.changes(of: nil, limit: 10).isEmpty)
        }
    }

    @Test("a backup is a database that works, made while others write")
    func backup() async throws {
        try await Fixture.run { fixture async throws in
            _ = try await fixture.administrator.add(NewUser(name: "alice", keys: [Keys.first]))
            async let more: Void = {
                for number in 0..<20 {
                    _ = try await fixture.administrator.add(NewUser(name: "user\(number)"))
                }
            }()
            let bytes = try await fixture.administrator.backup()
            try await more
            let file = fixture.folder.appending(path: "copy.sqlite")
            try Data(bytes).write(to: file)
            let copy = try UserStore(path: file.path)
            #expect(try await copy.account(named: "alice")?.keys.count == 1)
        }
    }

    @Test("a database of the first release is brought up to date, with everybody in it")
    func migration() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-old-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // leftovers harm nobody
        let path = folder.appending(path: "users.sqlite").path
        let old = try DatabaseQueue(path: path)
        try UserSchema.migrator.migrate(old, upTo: "users")
        try await old.write { database in
            try database.execute(sql: "INSERT INTO user (name, isDisabled) VALUES ('alice', 1)")
        }
        try old.close()
        let account = try await UserStore(path: path).account(named: "alice")
        #expect(account?.isDisabled == true)
        #expect(account?.expiresAt == nil)
    }
}

@Suite("Tokens of the administration", .timeLimit(.minutes(2)))
struct TokenTests {
    /// Serves with `token` configured, and hands out clients that show others.
    private func run(
        _ token: String = "",
        _ body: (Fixture, (String) throws -> UserClient) async throws -> Void
    ) async throws {
        try await Fixture.run { fixture async throws in
            try await fixture.serve(token: Secret(token)) { url async throws in
                try await body(fixture) {
                    try UserClient(
                        HTTPClientConfig(url: url),
                        token: Secret($0),
                        logger: fixture.logger
                    )
                }
            }
        }
    }

    @Test("a token that was made lets in, under its name, until it is taken back")
    func life() async throws {
        try await run("the configured token") { fixture, client in
            let made = try await client("the configured token")
                .addToken(NewToken(name: "ci", expires: "2999-01-01"))
            let ci = try client(made.token)
            _ = try await ci.add(NewUser(name: "alice"))
            #expect(try await ci.changes(of: "alice", limit: 1).first?.actor == "token ci")
            #expect(try await ci.tokens().map(\.name) == ["ci"])
            #expect(!fixture.logText.contains(made.token))
            try await ci.removeToken("ci")
            #expect(await code { try await ci.list() } == .authdTokenRefused)
        }
    }

    @Test("with a configured token nobody gets in without one; a wrong one never does")
    func wrong() async throws {
        try await run("the configured token") { _, client in
            for token in ["", "the configured toke", "the configured token2"] {
                let user = try client(token)
                #expect(await code { try await user.list() } == .authdTokenRefused)
            }
        }
        try await run { _, client in
            #expect(try await client("").list().isEmpty)
            let stranger = try client("made up")
            #expect(await code { try await stranger.list() } == .authdTokenRefused)
        }
    }

    @Test("a token for reading reads and does nothing else; the backup is not for reading")
    func readOnly() async throws {
        try await run { _, client in
            let made = try await client("").addToken(NewToken(name: "ro", readOnly: true))
            let reader = try client(made.token)
            #expect(try await reader.list().isEmpty)
            #expect(await code { try await reader.add(NewUser(name: "a")) } == .authdTokenRefused)
            #expect(await code { try await reader.backup() } == .authdTokenRefused)
        }
    }

    @Test("a token that has expired is refused; one name is one token")
    func expired() async throws {
        try await run { _, client in
            let open = try client("")
            let made = try await open.addToken(NewToken(name: "old", expires: "2020-01-01"))
            let old = try client(made.token)
            #expect(await code { try await old.list() } == .authdTokenRefused)
            let again = await code { try await open.addToken(NewToken(name: "old")) }
            #expect(again == .authdTokenExists)
            #expect(await code { try await open.removeToken("none") } == .authdTokenUnknown)
        }
    }

    @Test("groups, expiry and backup go through the client")
    func client() async throws {
        try await run { _, client in
            let open = try client("")
            _ = try await open.add(NewUser(name: "alice", groups: ["ops"]))
            _ = try await open.setGroup(
                NewGroup(name: "ops", description: "o", loginNames: ["root"])
            )
            let groups = try await open.groups()
            #expect(
                groups == [
                    GroupRecord(
                        name: "ops",
                        description: "o",
                        loginNames: ["root"],
                        members: ["alice"]
                    )
                ]
            )
            try await open.removeGroup("ops")
            #expect(try await open.groups().isEmpty)
            #expect(try await open.backup().starts(with: "SQLite format 3".utf8))
            try await open.setPasswordHash(
                "alice",
                try Yescrypt.hash([0x61], setting: try Yescrypt.salt("$y$", cost: 1))
            )
            #expect(try await open.user("alice").hasPassword)
        }
    }
}

@Suite("A flood of passwords", .timeLimit(.minutes(2)))
struct PasswordFloodTests {
    @Test("keys are answered while passwords wait, and passwords that waited too long are refused")
    func keysGoOn() async throws {
        try await Fixture.run { fixture async throws in
            _ = try await fixture.administrator.add(NewUser(name: "alice", keys: [Keys.first]))
            let hasher = try PasswordHasher(
                threads: 1,
                maximumWaiting: 400,
                longestWait: .milliseconds(200)
            )
            let passwords = PasswordSources(store: fixture.store, hasher: hasher)
            let authority = Authority(passwords, logger: fixture.logger)
            let flood = Task {
                await withTaskGroup(of: MessageCode?.self) { group in
                    for number in 0..<300 {
                        group.addTask {
                            await code {
                                try await authority.answer(
                                    request("user\(number)", .password([0x61]))
                                )
                            }
                        }
                    }
                    return await group.reduce(into: [MessageCode?: Int]()) {
                        $0[$1, default: 0] += 1
                    }
                }
            }
            while hasher.computed == 0 { await Task.yield() }
            let key = try await authority.answer(request("alice", .publicKey(Keys.first)))
            #expect(key.success)
            let outcomes = await flood.value
            #expect(outcomes[nil, default: 0] >= 1)
            #expect(outcomes[.authdBusy, default: 0] >= 1)
            #expect(outcomes.values.reduce(0, +) == 300)
        }
    }
}
