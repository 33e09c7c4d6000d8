import Foundation
import Testing

// Serialized: each test has a realm and daemons of its own.
@Suite(
    "Kerberos with OpenSSH's client and MIT's KDC",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.isExecutable("/usr/sbin/krb5kdc"), "needs krb5-kdc"),
    .timeLimit(.minutes(5)),
    .serialized
)
struct KerberosTests {
    /// `ssh` with a ticket and no other way to log in.
    private func ssh(
        _ installation: Installation,
        _ command: String,
        _ environment: [String: String],
        as user: String = Installation.user,
        options: [String] = []
    ) async throws -> Program.End {
        let own = [
            "-F", "none", "-o", "UserKnownHostsFile=\(installation.config.path("known_hosts"))",
            "-o", "GlobalKnownHostsFile=none", "-o", "BatchMode=yes",
            "-o", "PreferredAuthentications=gssapi-with-mic", "-o", "GSSAPIAuthentication=yes",
            "-p", "\(installation.config.ports.ssh)",
        ]
        return try await installation.run(
            "/usr/bin/ssh",
            own + options + ["\(user)@127.0.0.1", command],
            environment: environment
        )
    }

    @Test("a ticket lets its owner in, and nobody else")
    func ticket() async throws {
        try await KerberosRealm.with { realm in
            try await Installation.with(realm.settings("audit.enable=false")) { installation in
                let dev = try await realm.ticket(of: "dev")
                let end = try await ssh(installation, "echo in; exit 3", dev)
                #expect(end.status == 3)
                #expect(end.output == "in\n", "\(end.errors); \(installation.log(.authd))")
                let log = installation.log(.gateway)
                #expect(log.contains("gssapi-with-mic"))
                #expect(installation.log(.authd).contains("dev@\(KerberosRealm.name)"))

                let eve = try await realm.ticket(of: "eve")
                for user in ["dev", "eve"] {
                    let refused = try await ssh(installation, "true", eve, as: user)
                    #expect(refused.status == 255)
                    #expect(refused.errors.contains("Permission denied"))
                }
                let nobody = ["KRB5_CONFIG": realm.configuration, "KRB5CCNAME": "FILE:/none"]
                #expect(try await ssh(installation, "true", nobody).status == 255)
            }
        }
    }

    @Test("tickets that the client hands on are in the workspace")
    func delegation() async throws {
        try await KerberosRealm.with { realm in
            let settings = realm.settings(
                "authd.kerberos.credentialCachePath=/tmp/tickets",
                "audit.enable=false"
            )
            try await Installation.with(settings) { installation in
                let dev = try await realm.ticket(of: "dev")
                let end = try await ssh(
                    installation,
                    "echo $KRB5CCNAME; od -An -tx1 -N2 /tmp/tickets",
                    dev,
                    options: ["-o", "GSSAPIDelegateCredentials=yes"]
                )
                // MIT's cache format begins with 5, 4.
                #expect(end.output == "FILE:/tmp/tickets\n 05 04\n", "\(end.errors)")
                let without = try await ssh(installation, "echo $KRB5CCNAME.", dev)
                #expect(without.output == ".\n")
            }
        }
    }

    @Test("passwords are the KDC's; without it the person is told, and nothing hangs")
    func passwords() async throws {
        try await KerberosRealm.with { realm in
            let settings = realm.settings("authd.kerberos.passwords=true", "audit.enable=false")
            try await Installation.with(settings) { installation in
                // The KDC answers once somebody has a ticket.
                _ = try await realm.ticket(of: "dev")
                func logIn(_ password: String) async throws -> Program.End {
                    try await installation.ssh("echo in", .init(proof: .password(password)))
                }
                let end = try await logIn(KerberosRealm.password)
                #expect(end.output == "in\n", "\(end.errors); \(installation.log(.authd))")
                for wrong in [Installation.password, "", "x"] {
                    let end = try await logIn(wrong)
                    #expect(end.status == 255)
                    #expect(end.errors.contains("Permission denied"), "\(end.errors)")
                }
                _ = try await installation.enrol()
                let alone = try await logIn(KerberosRealm.password)
                #expect(alone.status == 255, "a password passes the second factor")
                #expect(installation.log(.authd).contains("password without the second factor"))
                await realm.stop()
                let none = try await logIn(KerberosRealm.password)
                #expect(none.errors.contains("[SSH_AUTH_UNAVAILABLE]"), "\(none.errors)")
                #expect(installation.log(.authd).contains("AUTHD_KERBEROS_FAILED"))
            }
        }
    }

    @Test("in a conversation the KDC is asked too, and the second factor follows")
    func conversation() async throws {
        try await KerberosRealm.with { realm in
            let settings = realm.settings(
                "authd.kerberos.passwords=true",
                "authd.kerberos.credentialCachePath=/tmp/tickets",
                "auth.keyboardInteractive.method=webhook",
                "auth.keyboardInteractive.webhook.url=http://{authd}",
                "audit.enable=false"
            )
            try await Installation.with(settings) { installation in
                // The KDC answers once somebody has a ticket.
                _ = try await realm.ticket(of: "dev")
                let end = try await installation.converse(KerberosRealm.password)
                #expect(end.output == "in\n", "\(end.errors); \(installation.log(.authd))")
                // The store's password counts no more.
                let store = try await installation.converse(Installation.password)
                #expect(store.status == 255)

                let factor = try await installation.enrol().factor
                for code in ["", "000000"] {
                    let end = try await installation.converse(KerberosRealm.password, code)
                    #expect(end.status == 255, "the code \(code) passes")
                }
                let good = try await installation.converse(
                    KerberosRealm.password,
                    factor.recoveryCodes[0]
                )
                #expect(good.output == "in\n", "\(good.errors); \(installation.log(.authd))")
            }
        }
    }

    @Test("tokens that are none, and steps of nobody's login, are refused")
    func hostile() async throws {
        try await KerberosRealm.with { realm in
            try await Installation.with(realm.settings(), daemons: [.authd]) { installation in
                let head = #""username":"dev","connectionId":"1","remoteAddress":"127.0.0.1:1""#
                func ask(_ step: String) async throws -> String {
                    try await installation.run(
                        "/usr/bin/curl",
                        [
                            "-sS", "--max-time", "60", "-H", "Content-Type: application/json",
                            "-w", "%{http_code}", "-d", "{\(head),\(step)}",
                            "http://127.0.0.1:\(installation.config.ports.authd)/gssapi",
                        ]
                    ).output
                }
                let token = Data((0..<2000).map { _ in UInt8.random(in: 0...255) })
                for step in [
                    #""tokenBase64":"""#, #""tokenBase64":"YA==""#,
                    #""tokenBase64":"\#(token.base64EncodedString())""#,
                    #""tokenBase64":"YA==","state":"made up""#,
                    #""micBase64":"YA==","signedBase64":"YA==","state":"""#,
                ] {
                    let answer = try await ask(step)
                    #expect(answer == #"{"success":false}200"#, "\(step)")
                }
                for step in [#""tokenBase64":"!""#, #""micBase64":"YA==""#, #""other":1"#] {
                    let answer = try await ask(step)
                    #expect(answer.hasSuffix("400"), "\(step)")
                }
            }
        }
    }

    @Test("a keytab that is not there keeps authd from starting; a gateway without authd says so")
    func missing() async throws {
        let settings = ["authd.kerberos.gssapi=true", "authd.kerberos.keytab=/none"]
        try await Installation.with(settings, daemons: []) { installation in
            let end = try await installation.daemon(.authd, [])
            #expect(end.status != 0)
            #expect(end.output.contains("AUTHD_KERBEROS_FAILED") || end.errors.contains("KERBEROS"))
        }
        let gateway = ["auth.gssapi.method=kerberos", "audit.enable=false"]
        try await Installation.with(gateway, daemons: [.configd, .gateway]) {
            #expect($0.log(.gateway).contains("SSH_AUTH_KERBEROS_UNAVAILABLE"))
        }
    }
}
