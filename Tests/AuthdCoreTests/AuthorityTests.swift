import AuthClient
import InMemoryLogging
import Logging
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Authority")
struct AuthorityTests {
    private func addAlice(_ fixture: Fixture) async throws {
        _ = try await fixture.administrator.add(
            NewUser(
                name: "alice",
                passwordBase64: base64("s3cret"),
                keys: [Keys.first, Keys.ecdsa],
                groups: ["red", "blue"],
                loginNames: ["deploy"],
                metadata: ["team": MetadataValue("r", sensitive: true)],
                environment: ["LANG": MetadataValue("C")]
            )
        )
    }

    private func password(_ text: String) -> AuthQuestion { .password(Array(text.utf8)) }

    @Test("accepts the right password, with identity, groups, metadata and environment")
    func rightPassword() async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            let answer = try await fixture.authority.answer(request("alice", password("s3cret")))
            let expected = AuthResponse(
                success: true,
                authenticatedUsername: "alice",
                carried: ConnectionMetadata(
                    metadata: [
                        "groups": MetadataValue("blue red"),
                        "team": MetadataValue("r", sensitive: true),
                    ],
                    environment: ["LANG": MetadataValue("C")]
                )
            )
            #expect(answer == expected)
        }
    }

    @Test(
        "every refused password looks the same and costs one hash",
        arguments: [
            ("alice", "wrong", "wrong password"), ("nobody", "s3cret", "unknown user"),
            ("ALICE", "s3cret", "unknown user"), ("deploy", "s3cret", "unknown user"),
            ("keysonly", "", "user has no password"), ("gone", "s3cret", "user is disabled"),
            ("gone", "wrong", "wrong password"), ("' OR 1=1 --", "x", "unknown user"),
            ("", "", "unknown user"),
        ]
    )
    func refusedPassword(_ name: String, _ text: String, _ reason: String) async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            let administrator = fixture.administrator
            _ = try await administrator.add(NewUser(name: "keysonly"))
            _ = try await administrator.add(
                NewUser(name: "gone", passwordBase64: base64("s3cret"))
            )
            _ = try await administrator.change("gone", UserChange(disabled: true))
            let before = fixture.hasher.computed
            let answer = try await fixture.authority.answer(request(name, password(text)))
            // What the gateway counts, and tells nobody.
            let isUnknown = reason == "unknown user"
            #expect(answer == AuthResponse(success: false, unknownUser: isUnknown))
            #expect(fixture.hasher.computed == before + 1)
            let line = try #require(fixture.log.entries.last)
            #expect(line.metadata["code"] == "AUTHD_REFUSED")
            #expect(line.metadata["reason"]?.description == reason)
        }
    }

    @Test(
        "knows keys by content, under the owner's names only",
        arguments: [
            ("alice", Keys.first, true), ("alice", Keys.ecdsa, true), ("deploy", Keys.first, true),
            ("alice", Keys.second, false), ("bob", Keys.first, false), ("root", Keys.first, false),
            ("alice", "ssh-ed25519 AAAA", false), ("alice", "", false), ("alice", "x y z", false),
        ]
    )
    func keys(_ name: String, _ line: String, _ success: Bool) async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            _ = try await fixture.administrator.add(NewUser(name: "bob", keys: [Keys.second]))
            let answer = try await fixture.authority.answer(request(name, .publicKey(line)))
            #expect(answer.success == success)
            #expect(answer.authenticatedUsername == (success ? "alice" : nil))
        }
    }

    @Test("a key that two people have means the one whose name was typed")
    func sharedKey() async throws {
        try await Fixture.run { fixture async throws in
            _ = try await fixture.administrator.add(
                NewUser(name: "alice", keys: [Keys.first], loginNames: ["bob"])
            )
            _ = try await fixture.administrator.add(NewUser(name: "bob", keys: [Keys.first]))
            let answer = try await fixture.authority.answer(request("bob", .publicKey(Keys.first)))
            #expect(answer.authenticatedUsername == "bob")
        }
    }

    @Test("a disabled user's keys do not work")
    func disabledKey() async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            _ = try await fixture.administrator.change("alice", UserChange(disabled: true))
            let answer = try await fixture.authority.answer(
                request("alice", .publicKey(Keys.first))
            )
            #expect(!answer.success)
        }
    }

    @Test(
        "lets an identity log in as itself and under its login names",
        arguments: [
            ("alice", "alice", true), ("deploy", "alice", true), ("root", "alice", false),
            ("alice", "bob", false), ("alice", "", false), ("", "alice", false),
            ("deploy", "deploy", false),
        ]
    )
    func authorization(_ typed: String, _ authenticated: String, _ success: Bool) async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            let question = AuthQuestion.authorization(authenticatedUsername: authenticated)
            let answer = try await fixture.authority.answer(request(typed, question))
            #expect(answer.success == success)
            #expect(answer.authenticatedUsername == (success ? "alice" : nil))
        }
    }

    @Test("never writes a password into the log or the database file")
    func secrecy() async throws {
        try await Fixture.run { fixture async throws in
            try await addAlice(fixture)
            for text in ["s3cret", "guess-me-not"] {
                _ = try await fixture.authority.answer(request("alice", password(text)))
            }
            for text in ["s3cret", "guess-me-not", base64("s3cret"), "$y$"] {
                #expect(!fixture.logText.contains(text))
            }
        }
    }
}
