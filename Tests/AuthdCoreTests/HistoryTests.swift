import AuthClient
import Foundation
import SharedConfig
import SharedMessages
import Testing

@testable import AuthdCore

@Suite("The history of changes", .timeLimit(.minutes(2)))
struct HistoryTests {
    @Test("has every change of users, keys, second factors, groups, tokens and authorities")
    func everything() async throws {
        try await Fixture.run { fixture async throws in
            try await fixture.serve { url async throws in
                let client = try UserClient(HTTPClientConfig(url: url), logger: fixture.logger)
                try await changeUsers(client)
                try await changeAuthorities(client)
                let changes = try await client.changes(of: nil, limit: 100)
                #expect(changes.allSatisfy { $0.actor == "socket" && !$0.time.isEmpty })
                let actions = changes.reversed().map { "\($0.action): \($0.subject)" }
                #expect(actions == Self.expected, "\(actions)")
                for secret in ["s3cret", "$y$"] {
                    #expect(!changes.contains { $0.detail.contains(secret) })
                }
            }
        }
    }

    private static let expected = [
        "user added: ann", "user changed: ann", "user changed: ann", "key added: ann",
        "key removed: ann", "second factor begun: ann", "second factor confirmed: ann",
        "second factor removed: ann", "group set: ops", "group removed: ops", "token added: ci",
        "token removed: ci", "authority added: users", "certificate issued: ann",
        "certificates revoked: ann", "key revoked: \(Keys.firstFingerprint)",
        "authority rotated: users", "authority removed: users", "user removed: ann",
    ]

    private func changeUsers(_ client: UserClient) async throws {
        _ = try await client.add(NewUser(name: "ann"))
        _ = try await client.change("ann", UserChange(groups: ["ops"]))
        try await client.setPassword("ann", Array("s3cret".utf8))
        _ = try await client.addKey("ann", Keys.first)
        try await client.removeKey("ann", fingerprint: Keys.firstFingerprint)
        let factor = try await client.enrolTOTP("ann")
        try await client.confirmTOTP("ann", code: try code(of: factor.secret))
        try await client.removeTOTP("ann")
        _ = try await client.setGroup(NewGroup(name: "ops", loginNames: ["root"]))
        try await client.removeGroup("ops")
        _ = try await client.addToken(NewToken(name: "ci", readOnly: true))
        try await client.removeToken("ci")
    }

    private func changeAuthorities(_ client: UserClient) async throws {
        _ = try await client.addAuthority(NewAuthority(name: "users", kind: .user))
        _ = try await client.certifyUser(NewUserCertificate(user: "ann", publicKey: Keys.first))
        try await client.revoke(NewRevocation(user: "ann"))
        try await client.revoke(NewRevocation(fingerprint: Keys.firstFingerprint))
        _ = try await client.rotateAuthority("users")
        try await client.removeAuthority("users")
        try await client.remove("ann")
    }

    /// What an app shows now, for a secret as people read it.
    private func code(of secret: String) throws -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bits = 0
        var count = 0
        var bytes: [UInt8] = []
        for letter in secret {
            bits = bits << 5 | (try #require(alphabet.firstIndex(of: letter)))
            count += 5
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            bits &= 1 << count - 1
        }
        return TOTP.code(bytes, step: TOTP.step(at: Int(Date.now.timeIntervalSince1970)))
    }
}
