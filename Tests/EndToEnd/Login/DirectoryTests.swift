import DirectoryServer
import Foundation
import SharedMessages
import Testing

// Serialized: each test has a directory and daemons of its own.
@Suite(
    "A directory (LDAP) with OpenSSH's client and OpenLDAP's server",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: DirectoryServer.isAvailable, "needs slapd and ldap-utils"),
    .timeLimit(.minutes(5)),
    .serialized
)
struct DirectoryTests {
    private func settings(_ server: DirectoryServer, _ more: String...) -> [String] {
        [
            "authd.ldap.servers=[\(server.url)]", "authd.ldap.startTLS=true",
            "authd.ldap.cacert=\(server.authority)", "authd.ldap.timeout=60s",
            "authd.ldap.connectTimeout=60s", "authd.ldap.bindDN=\(DirectoryServer.account)",
            "authd.ldap.bindPassword=\(DirectoryServer.accountPassword)",
            "authd.ldap.base=\(DirectoryServer.people)",
            "authd.ldap.groupBase=\(DirectoryServer.groups)",
            "authd.ldap.groupFilter=(member={dn})", "authd.ldap.requiredGroup=developers",
            "authd.ldap.keysAttribute=sshPublicKey",
            "authd.ldap.environment={GIT_AUTHOR_EMAIL: mail}",
            "auth.authz.method=webhook", "auth.authz.webhook.url=http://{authd}",
            "auth.keyboardInteractive.method=webhook",
            "auth.keyboardInteractive.webhook.url=http://{authd}", "audit.enable=false",
        ] + more
    }

    @Test("people without an account get in by password, conversation and key, and nobody else")
    func logins() async throws {
        try await DirectoryServer.with { server async throws in
            try await Installation.with(settings(server)) { installation in
                func logIn(_ user: String, _ password: String) async throws -> Program.End {
                    let login = Installation.Login(user: user, proof: .password(password))
                    return try await installation.ssh("echo $GIT_AUTHOR_EMAIL", login)
                }
                let end = try await logIn("alice", "pw-alice")
                let log = installation.log(.authd)
                #expect(end.output == "alice@berth.test\n", "\(end.errors); \(log)")
                for (user, password) in [
                    ("alice", "x"), ("nobody", "x"), ("jörg", "pw-jörg"), ("*", "pw-alice"),
                ] {
                    let end = try await logIn(user, password)
                    #expect(end.status == 255)
                    #expect(end.errors.contains("Permission denied"), "\(end.errors)")
                }
                let talk = try await installation.converse(as: "bob", "pw-bob")
                #expect(talk.output == "in\n", "\(talk.errors)")

                let key = try String(
                    contentsOfFile: installation.userKey + ".pub",
                    encoding: .utf8
                )
                try await server.add(
                    """
                    dn: uid=bob,\(DirectoryServer.people)
                    changetype: modify
                    add: sshPublicKey
                    sshPublicKey: \(key)
                    """
                )
                let bob = try await installation.ssh("echo in", .init(user: "bob"))
                #expect(bob.output == "in\n", "\(bob.errors)")
                #expect(try await installation.ssh("echo in", .init(user: "alice")).status == 255)
                for secret in ["pw-", DirectoryServer.accountPassword] {
                    #expect(!installation.log(.authd).contains(secret))
                }
            }
        }
    }

    @Test("an expired password is told to its owner, and an outage to everybody")
    func told() async throws {
        try await DirectoryServer.with { server async throws in
            let settings = settings(
                server,
                "authd.ldap.requiredGroup=",
                "auth.password.webhook.authTimeout=2s"
            )
            try await Installation.with(settings) { installation in
                try await server.add(DirectoryServer.person("new", "pwdReset: TRUE"))
                let login = Installation.Login(user: "new", proof: .password("pw-new"))
                let end = try await installation.ssh("true", login)
                let text = try #require(MessageCode.authdLDAPPasswordExpired.personText)
                #expect(end.errors.contains(text), "\(end.errors)")

                await server.stop()
                let alice = Installation.Login(user: "alice", proof: .password("pw-alice"))
                let none = try await installation.ssh("true", alice)
                #expect(none.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(none.errors)")
                try await installation.awaitLog(.authd, .authdLDAPUnavailable)
                // The store's keys go on.
                #expect(try await installation.ssh("echo in").output == "in\n")
            }
        }
    }
}
