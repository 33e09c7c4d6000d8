import Foundation
import SharedMessages
import Testing

@Suite(
    "Certificates of authd with OpenSSH's programs",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(5))
)
struct CertificateLoginTests {
    /// An installation whose gateway asks authd about certificates and takes no other key.
    private struct Site {
        let installation: Installation
        let loginURL: String

        /// Runs `berth` with the administration's address behind the arguments.
        @discardableResult
        func administer(_ arguments: [String], fails: Bool = false) async throws -> String {
            let server = ["--server", "unix://\(installation.config.adminSocket)"]
            let all =
                arguments[0] == "user"
                ? ["user"] + server + arguments.dropFirst() : arguments + server
            let end = try await berth(all)
            #expect((end.status == 0) == !fails, "\(arguments): \(end.errors)")
            return fails ? end.errors : end.output
        }

        func berth(
            _ arguments: [String],
            input: Program.Input = .nothing,
            environment: [String: String] = [:]
        ) async throws -> Program.End {
            let codes = ["BERTH_CODES_FILE": try Surroundings.codesFile()]
            return try await installation.run(
                Surroundings.programs.appending(path: "berth").path,
                arguments,
                input: input,
                environment: codes.merging(environment) { $1 }
            )
        }

        func login(
            _ answers: String,
            _ more: [String],
            environment: [String: String] = [:]
        ) async throws -> Program.End {
            try await berth(
                ["login", Installation.user, "--server", loginURL] + more,
                input: .text(answers + "\n"),
                environment: environment
            )
        }

        func login(_ more: [String], environment: [String: String] = [:]) async throws
            -> Program.End
        {
            try await login(Installation.password, more, environment: environment)
        }

        func ssh(_ key: String, options: [String] = []) async throws -> Program.End {
            try await installation.ssh(
                "echo in",
                Installation.Login(
                    proof: .key(key),
                    options: ["PreferredAuthentications=publickey"] + options
                )
            )
        }
    }

    private func run(_ body: (Site) async throws -> Void) async throws {
        let port = Surroundings.freePort()
        let settings = [
            "authd.login.enable=true", "authd.login.listen=127.0.0.1:\(port)",
            "auth.certificates.mode=webhook", "auth.certificates.webhook.url=http://{authd}",
            "auth.publicKey.method=", "audit.enable=false",
        ]
        try await Installation.with(settings, daemons: [.authd, .configd, .gateway]) {
            try await body(Site(installation: $0, loginURL: "http://127.0.0.1:\(port)"))
        }
    }

    @Test("berth login brings a certificate that lets in until it is revoked, and a list says so")
    func certificate() async throws {
        try await run { site in
            try await site.administer(["ca", "create", "user"])
            let key = site.installation.config.path("id_berth")
            let refused = try await site.login("wrong", ["--key-file", key])
            #expect(refused.status == 1)
            #expect(refused.errors.contains("AUTHD_LOGIN_REFUSED"), "\(refused.errors)")
            let made = try await site.login(["--key-file", key, "--lifetime", "1h"])
            #expect(made.status == 0, "\(made.errors)")
            let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions]
            #expect(mode as? Int == 0o600)
            let shown = try await site.installation.run(
                "/usr/bin/ssh-keygen",
                ["-L", "-f", key + "-cert.pub"]
            )
            #expect(shown.output.contains("Key ID: \"dev\""), "\(shown.output)")
            #expect(shown.output.contains("permit-pty"))
            let end = try await site.ssh(key)
            #expect(end.output == "in\n", "\(end.errors)")
            try await site.installation.awaitLog(.gateway, .sshAuthCertAccepted)

            #expect(
                try await site.administer(["ca", "certificates", "dev"]).contains(": user dev")
            )
            try await site.administer(["ca", "revoke", "--user", "dev"])
            let again = try await site.ssh(key)
            #expect(again.errors.contains("Permission denied"), "\(again.errors)")
            let list = site.installation.config.path("revoked.krl")
            try await site.administer(["ca", "krl", list])
            let asked = try await site.installation.run(
                "/usr/bin/ssh-keygen",
                ["-Q", "-f", list, key + "-cert.pub"]
            )
            #expect(asked.output.contains("REVOKED"), "\(asked.output)\(asked.errors)")

            // A new one for the same key lets in, until the user is disabled.
            _ = try await site.login(["--key-file", key])
            #expect(try await site.ssh(key).output == "in\n")
            try await site.administer(["user", "disable", "dev"])
            #expect(try await site.ssh(key).status == 255)
        }
    }

    @Test("rotation keeps what was signed; without an authority nobody gets a certificate")
    func rotation() async throws {
        try await run { site in
            let key = site.installation.config.path("id_berth")
            let none = try await site.login(["--key-file", key])
            #expect(none.errors.contains("AUTHD_CA_UNKNOWN"), "\(none.errors)")
            let first = try await site.administer(["ca", "create", "user"])
            #expect(
                try await site.administer(["ca", "create", "user"], fails: true)
                    .contains("AUTHD_CA_EXISTS")
            )
            _ = try await site.login(["--key-file", key])
            let second = try await site.administer(["ca", "rotate", "user"])
            #expect(first != second)
            #expect(try await site.ssh(key).output == "in\n")
            let all = try await site.administer(["ca", "show", "user"])
            #expect(all.contains(first.split(separator: " ")[1]))
            #expect(all.contains(second.split(separator: " ")[1]))
            #expect(try await site.administer(["ca", "list"]).contains("until "))
        }
    }

    @Test("an authority of ssh-keygen counts once it is trusted, for whom it may certify")
    func trusted() async throws {
        try await run { site in
            let authority = site.installation.config.path("theirs")
            let key = site.installation.config.path("id_theirs")
            for path in [authority, key] {
                let made = try await site.installation.run(
                    "/usr/bin/ssh-keygen",
                    ["-q", "-t", "ed25519", "-N", "", "-f", path]
                )
                try #require(made.status == 0)
            }
            let signed = try await site.installation.run(
                "/usr/bin/ssh-keygen",
                ["-q", "-s", authority, "-I", "ci", "-n", "dev", key + ".pub"]
            )
            try #require(signed.status == 0)
            #expect(try await site.ssh(key).status == 255)
            try await site.administer(
                ["ca", "trust", "ci", authority + ".pub", "--principal", "glob:d*"]
            )
            let end = try await site.ssh(key)
            #expect(end.output == "in\n", "\(end.errors)")
            try await site.administer(["ca", "remove", "ci"])
            #expect(try await site.ssh(key).status == 255)
        }
    }

    @Test("with --agent key and certificate are in the agent only, and let in from there")
    func agent() async throws {
        try await run { site in
            try await site.administer(["ca", "create", "user"])
            let socket = site.installation.config.path("agent.sock")
            let agent = try site.installation.launch("/usr/bin/ssh-agent", ["-D", "-a", socket])
            defer { agent.send(SIGTERM) }
            try await wait(for: "the agent listens") {
                FileManager.default.fileExists(atPath: socket)
            }
            let environment = ["SSH_AUTH_SOCK": socket]
            let made = try await site.login(["--agent"], environment: environment)
            #expect(made.status == 0, "\(made.errors)")
            let held = try await site.installation.run(
                "/usr/bin/ssh-add",
                ["-L"],
                environment: environment
            )
            #expect(held.output.hasPrefix("ssh-ed25519-cert-v01@openssh.com "), "\(held.output)")
            let end = try await site.ssh(
                "/nonexistent",
                options: ["IdentityAgent=\(socket)", "IdentitiesOnly=no"]
            )
            #expect(end.output == "in\n", "\(end.errors)")
            agent.send(SIGTERM)
            _ = try await agent.end()
        }
    }

    @Test("a certificate for the gateway's host key spares clients its fingerprint")
    func host() async throws {
        try await run { site in
            let config = site.installation.config
            try await site.administer(["ca", "create", "host"])
            let line = try await site.installation.run(
                "/usr/bin/ssh-keygen",
                ["-y", "-f", config.hostKeyFile]
            )
            let file = config.path("gate.pub")
            try Data(line.output.utf8).write(to: URL(filePath: file))
            try await site.administer(["ca", "sign-host", file, "--host", "127.0.0.1"])
            let known = try await site.administer(
                ["ca", "show", "host", "--known-hosts", "[127.0.0.1]:*"]
            )
            let hosts = config.path("known_authorities")
            try Data(known.utf8).write(to: URL(filePath: hosts))
            let options = ["UserKnownHostsFile=\(hosts)"]
            let login = Installation.Login(
                proof: .password(Installation.password),
                options: options
            )
            let unknown = try await site.installation.ssh("echo in", login)
            #expect(unknown.errors.contains("Host key verification failed"), "\(unknown.errors)")
            try site.installation.reload { text in
                let entry = "  hostCertificates: [\(config.path("gate-cert.pub"))]\n  banner:"
                return text.replacing("  banner:", with: entry, maxReplacements: 1)
            }
            try await wait(for: "the gateway shows its certificate") {
                try await site.installation.ssh("echo in", login).output == "in\n"
            }
        }
    }

    // MARK: - Codes of an app

    @Test("codes of an app: asked for by ssh and by berth login, and good once")
    func secondFactor() async throws {
        let port = Surroundings.freePort()
        let settings = [
            "authd.login.enable=true", "authd.login.listen=127.0.0.1:\(port)",
            "authd.totp.skew=10", "auth.keyboardInteractive.method=webhook",
            "auth.keyboardInteractive.webhook.url=http://{authd}", "audit.enable=false",
        ]
        try await Installation.with(settings, daemons: [.authd, .configd, .gateway]) {
            let site = Site(installation: $0, loginURL: "http://127.0.0.1:\(port)")
            try await site.administer(["ca", "create", "user"])
            // The code that confirms is used up, and those before it: later ones are recovery codes.
            let (factor, used) = try await site.installation.enrol()

            let end = try await site.installation.converse(Installation.password, used)
            #expect(end.status == 255, "a code counts twice")
            try await site.installation.awaitLog(.authd, .authdCodeReplayed)
            let good = try await site.installation.converse(
                Installation.password,
                factor.recoveryCodes[0]
            )
            #expect(good.output == "in\n", "\(good.errors)")

            let key = site.installation.config.path("id_berth")
            let answers = "\(Installation.password)\n"
            let wrong = try await site.login(answers + "000000", ["--key-file", key])
            #expect(wrong.errors.contains("AUTHD_LOGIN_REFUSED"), "\(wrong.errors)")
            let right = try await site.login(
                answers + factor.recoveryCodes[1],
                ["--key-file", key]
            )
            #expect(right.status == 0, "\(right.errors)")
        }
    }
}
