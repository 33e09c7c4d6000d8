import AuthClient
import InMemoryLogging
import Foundation
import Logging
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

/// Through the client, over a real Unix socket.
@Suite("User administration", .timeLimit(.minutes(5)))
struct UserAdministrationTests {
    private func run(_ body: (UserClient, Fixture) async throws -> Void) async throws {
        try await Fixture.run { fixture async throws in
            try await fixture.serve { url async throws in
                try await body(
                    try UserClient(HTTPClientConfig(url: url), logger: fixture.logger),
                    fixture
                )
            }
        }
    }

    @Test("a user's whole life leaves an audit line for each step")
    func life() async throws {
        try await run { client, fixture async throws in
            let user = NewUser(name: "alice", passwordBase64: base64("one"), groups: ["red"])
            var expected = UserRecord(name: "alice", hasPassword: true, groups: ["red"])
            #expect(try await client.add(user) == expected)

            let key = try await client.addKey("alice", Keys.first)
            #expect(key.fingerprint == Keys.firstFingerprint)
            #expect(key.comment == "one@host")
            expected.keys = [key]
            let change = UserChange(disabled: true, loginNames: ["deploy"])
            expected.disabled = true
            expected.loginNames = ["deploy"]
            #expect(try await client.change("alice", change) == expected)
            #expect(try await client.list() == [expected])

            try await client.setPassword("alice", nil)
            expected.hasPassword = false
            #expect(try await client.user("alice") == expected)
            try await client.removeKey("alice", fingerprint: Keys.firstFingerprint)
            #expect(try await client.user("alice").keys.isEmpty)
            try await client.remove("alice")
            #expect(try await client.list().isEmpty)

            let codes = fixture.log.entries.compactMap { $0.metadata["code"]?.description }
                .filter { $0.hasPrefix("AUTHD_") }
            #expect(
                codes == [
                    "AUTHD_USER_ADDED", "AUTHD_KEY_ADDED", "AUTHD_USER_CHANGED",
                    "AUTHD_PASSWORD_CHANGED", "AUTHD_KEY_REMOVED", "AUTHD_USER_REMOVED",
                ]
            )
        }
    }

    @Test("a new password works at once and the old one no longer")
    func newPassword() async throws {
        try await run { client, fixture async throws in
            _ = try await client.add(NewUser(name: "alice", passwordBase64: base64("one")))
            try await client.setPassword("alice", Array("two".utf8))
            let old = request("alice", .password(Array("one".utf8)))
            let new = request("alice", .password(Array("two".utf8)))
            let isOldAccepted = try await fixture.authority.answer(old).success
            let isNewAccepted = try await fixture.authority.answer(new).success
            #expect(!isOldAccepted)
            #expect(isNewAccepted)
        }
    }

    @Test("mistakes are refused with their code and change nothing")
    func mistakes() async throws {
        try await run { client, _ async throws in
            _ = try await client.add(NewUser(name: "alice", keys: [Keys.first]))
            let before = try await client.list()
            let found = [
                await code { try await client.add(NewUser(name: "alice")) },
                await code { try await client.add(NewUser(name: "b b")) },
                await code { try await client.add(NewUser(name: "b", groups: ["a b"])) },
                await code { try await client.add(NewUser(name: "b", keys: ["ssh-rsa x"])) },
                await code { try await client.add(NewUser(name: "b", passwordBase64: "")) },
                await code { try await client.add(NewUser(name: "b", passwordBase64: "%")) },
                await code { try await client.addKey("alice", Keys.first) },
                await code { try await client.addKey("alice", "cert-authority " + Keys.second) },
                await code { try await client.addKey("alice", Keys.second + "\n" + Keys.second) },
                await code { try await client.addKey("bob", Keys.second) },
                await code { try await client.setPassword("bob", [65]) },
                await code { try await client.change("bob", UserChange(disabled: true)) },
                await code { try await client.remove("bob") },
                await code { try await client.removeKey("alice", fingerprint: "SHA256:x") },
            ]
            #expect(
                found == [
                    .authdUserExists, .authdNameInvalid, .authdNameInvalid, .authdKeyInvalid,
                    .authdPasswordInvalid, .authdPasswordInvalid, .authdKeyExists,
                    .authdKeyInvalid, .authdKeyInvalid, .authdUserUnknown, .authdUserUnknown,
                    .authdUserUnknown, .authdUserUnknown, .authdKeyUnknown,
                ]
            )
            #expect(try await client.list() == before)
        }
    }

    @Test(
        "names that could leave their path are refused",
        arguments: [
            "", "..", "a/b", "a b", "a\n", "-x", ".x", "é", String(repeating: "x", count: 65),
            "a%2f",
        ]
    )
    func names(_ name: String) {
        #expect(!UserRoutes.isValidName(name))
    }

    @Test("what was stored is there after a restart")
    func restart() async throws {
        try await Fixture.run { fixture async throws in
            _ = try await fixture.administrator.add(
                NewUser(name: "alice", passwordBase64: base64("one"), keys: [Keys.first])
            )
            let path = fixture.folder.appending(path: "users.sqlite").path
            let again = try UserStore(path: path)
            let account = try #require(try await again.account(named: "alice"))
            #expect(account.keys.map(\.fingerprint) == [Keys.firstFingerprint])
            let isRight = try await fixture.hasher.verify(Array("one".utf8), account.passwordHash)
            #expect(isRight)
            for file in [path, path + "-wal", path + "-shm"] {
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
                #expect(mode as? Int == 0o600)
            }
        }
    }

    @Test("a database that cannot be opened says so")
    func badDatabase() async throws {
        try await Fixture.run { fixture async throws in
            let file = fixture.folder.appending(path: "no.sqlite")
            try Data(repeating: 7, count: 8192).write(to: file)
            let found = await code { try UserStore(path: file.path) }
            #expect(found == .authdDatabaseFailed)
            let nowhere = await code { try UserStore(path: "/proc/nowhere/x.sqlite") }
            #expect(nowhere == .authdDatabaseFailed)
        }
    }

    @Test("twenty changes at the same time all arrive")
    func concurrency() async throws {
        try await run { client, _ async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask { _ = try await client.add(NewUser(name: "user\(number)")) }
                }
                try await group.waitForAll()
            }
            #expect(try await client.list().count == 20)
        }
    }
}
