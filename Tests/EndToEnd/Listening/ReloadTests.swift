import Foundation
import Glibc
import SharedMessages
import Testing

// Serialized: each test has five daemons of its own.
@Suite(
    "Reloading the gateway",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .serialized
)
struct ReloadTests {
    @Test("listeners come and go, and open connections stay")
    func listeners() async throws {
        try await Installation.with { installation in
            let client = try installation.launchSSH("cat", input: .held)
            try client.write("before\n")
            try await wait(for: "the session") { client.output == "before\n" }
            let (old, new) = (installation.config.ports.ssh, Surroundings.freePort())
            let other = Installation.Login.with("Port=\(new)") + .anyHost
            try installation.reload {
                $0.replacing(
                    "listen: 127.0.0.1:\(old)",
                    with: "listen: [127.0.0.1:\(old), 127.0.0.1:\(new)]"
                )
            }
            try await installation.awaitCount(1, of: .coreConfigReloaded)
            #expect(try await installation.ssh("echo new", other).output == "new\n")
            #expect(try await installation.ssh("echo old").output == "old\n")
            try installation.reload {
                $0.replacing("[127.0.0.1:\(old), 127.0.0.1:\(new)]", with: "127.0.0.1:\(new)")
            }
            try await installation.awaitCount(2, of: .coreConfigReloaded)
            #expect(installation.count(.gatewayListenerClosed) == 1)
            #expect(try await installation.ssh("true").errors.contains("Connection refused"))
            #expect(try await installation.ssh("echo new", other).output == "new\n")
            try client.write("after\n")
            try await wait(for: "the session goes on") { client.output == "before\nafter\n" }
            try client.closeInput()
            #expect(try await client.end().status == 0)
        }
    }

    @Test("banner, algorithms, host key and limits are those of the new configuration")
    func settings() async throws {
        try await Installation.with { installation in
            let ciphers = Installation.Login.with("Ciphers=aes256-ctr", "LogLevel=INFO")
            #expect(try await installation.ssh("true", ciphers).status == 0)
            let before = try String(
                contentsOfFile: installation.config.hostKeyFile,
                encoding: .utf8
            )
            try installation.reload { text in
                text.replacing(
                    installation.config.hostKeyFile,
                    with: installation.config.path("k2")
                )
                .replacing("Welcome to", with: "Changed are")
                .replacing(
                    "  banner:",
                    with: "  ciphers: [aes128-gcm@openssh.com]\n  maxAuthTries: 1\n  banner:"
                )
            }
            try await installation.awaitLog(.gateway, .coreConfigReloaded)
            #expect(installation.count(.gatewayReloadNeedsRestart) == 0)
            let unknown = try await installation.ssh("true")
            #expect(unknown.status == 255)
            #expect(unknown.errors.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"))
            let after = try String(contentsOfFile: installation.config.path("k2"), encoding: .utf8)
            #expect(before != after)
            let login = Installation.anyHost
            let end = try await installation.ssh("true", login + .with("LogLevel=INFO"))
            #expect(end.status == 0)
            #expect(end.errors.contains("Changed are the end-to-end tests"))
            let old = try await installation.ssh("true", login + .with("Ciphers=aes256-ctr"))
            #expect(old.errors.contains("no matching cipher"))
        }
    }

    @Test("the files of host keys, their certificates and trusted authorities are read again")
    func files() async throws {
        let folder = try Surroundings.temporaryFolder("reload")
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        let names = ["ca", "otherca"]
        for name in names { try await Self.makeKey(folder.appending(path: name).path) }
        try Data().write(to: folder.appending(path: "revoked"))
        try await Installation.with(
            CertificateAuthority.settings(folder),
            daemons: [.configd, .gateway]
        ) { installation in
            let authority = CertificateAuthority(installation: installation, folder: folder)
            let hostKey = installation.config.hostKeyFile
            for (name, signer) in [("mine", "ca"), ("theirs", "otherca")] {
                _ = try await authority.issue(name, CertificateAuthority.Terms(authority: signer))
            }
            #expect(try await authority.ssh("theirs").status == 255)
            let line = try await installation.run("/usr/bin/ssh-keygen", ["-y", "-f", hostKey])
            try Data(line.output.utf8).write(to: URL(filePath: hostKey + ".pub"))
            try await authority.certifyHost("host-one")
            try installation.reload {
                $0.replacing(
                    "  banner:",
                    with: "  hostCertificates: [\(hostKey)-cert.pub]\n  banner:"
                )
            }
            try await installation.awaitCount(1, of: .coreConfigReloaded)
            let before = try await authority.ssh("mine", arguments: ["-v"])
            #expect(before.output == "in\n")
            #expect(before.errors.contains("ID \"host-one\""), "\(before.errors)")

            // Other contents under the same names.
            for file in [hostKey, hostKey + ".pub", hostKey + "-cert.pub"] {
                try FileManager.default.removeItem(atPath: file)
            }
            try await Self.makeKey(hostKey)
            try await authority.certifyHost("host-two")
            try Data(contentsOf: folder.appending(path: "otherca.pub"))
                .write(to: folder.appending(path: "ca.pub"))
            try installation.reload { $0 }
            try await installation.awaitCount(2, of: .coreConfigReloaded)
            let anyHost = Installation.anyHost.options
            let after = try await authority.ssh("theirs", options: anyHost, arguments: ["-v"])
            #expect(after.output == "in\n", "\(after.errors)")
            #expect(after.errors.contains("ID \"host-two\""), "\(after.errors)")
            #expect(try await authority.ssh("mine", options: anyHost).status == 255)
        }
    }

    private static func makeKey(_ path: String) async throws {
        let end = try await Program(
            "/usr/bin/ssh-keygen",
            ["-q", "-t", "ed25519", "-N", "", "-f", path],
            files: URL(filePath: path + "-made")
        ).end()
        try #require(end.status == 0, "\(end.errors)")
    }

    @Test("the methods that a login needs are those of the new configuration")
    func methods() async throws {
        try await Installation.with { installation in
            #expect(try await installation.ssh("echo one").output == "one\n")
            try installation.reload {
                $0.replacing("auth:\n", with: "auth:\n  require: [publickey, password]\n")
            }
            try await installation.awaitLog(.gateway, .coreConfigReloaded)
            let end = try await installation.ssh("echo two")
            #expect(end.status == 255)
            #expect(end.errors.contains("Permission denied (password)"), "\(end.errors)")
            #expect(installation.count(.sshAuthPartial) > 0)
        }
    }

    @Test("webhook addresses change for new connections")
    func webhooks() async throws {
        try await Installation.with { installation in
            let url = "http://127.0.0.1:\(installation.config.ports.authd)"
            try installation.reload {
                $0.replacing(url, with: "http://127.0.0.1:1").replacing("20s", with: "1s")
            }
            try await installation.awaitLog(.gateway, .coreConfigReloaded)
            #expect(try await installation.ssh("true").status == 255)
            try installation.reload { $0.replacing("http://127.0.0.1:1\"", with: url + "\"") }
            try await installation.awaitCount(2, of: .coreConfigReloaded)
            #expect(try await installation.ssh("echo back").output == "back\n")
        }
    }

    @Test("a listener that is taken leaves everything as it was, and the log says why")
    func taken() async throws {
        try await Installation.with { installation in
            let ports = installation.config.ports
            try installation.reload {
                $0.replacing(
                    "listen: 127.0.0.1:\(ports.ssh)",
                    with: "listen: [127.0.0.1:\(ports.ssh), 127.0.0.1:\(ports.authd)]"
                ).replacing("Welcome to", with: "Changed are")
            }
            try await installation.awaitLog(.gateway, .coreConfigReloadFailed)
            #expect(installation.log(.gateway).contains("127.0.0.1:\(ports.authd)"))
            #expect(installation.count(.coreConfigReloaded) == 0)
            let end = try await installation.ssh("echo same", .with("LogLevel=INFO"))
            #expect(end.output == "same\n")
            #expect(end.errors.contains("Welcome to"))
        }
    }

    @Test("a host key that cannot be read leaves everything as it was")
    func badKey() async throws {
        try await Installation.with { installation in
            try installation.reload {
                $0.replacing("  banner:", with: "  hostkeys: [/nowhere/key]\n  banner:")
            }
            try await installation.awaitLog(.gateway, .coreConfigReloadFailed)
            #expect(try await installation.ssh("echo same").output == "same\n")
        }
    }

    @Test("what only a restart can change is named")
    func needsRestart() async throws {
        try await Installation.with { installation in
            try installation.reload { $0 + "\nservice: { shutdownTimeout: 7s }\n" }
            try await installation.awaitLog(.gateway, .gatewayReloadNeedsRestart)
            try await installation.awaitLog(.gateway, .coreConfigReloaded)
        }
    }
}

extension CertificateAuthority {
    /// A certificate for the gateway's host key, of an authority that no client knows.
    fileprivate func certifyHost(_ name: String) async throws {
        let signer = folder.appending(path: "otherca").path
        try await keygen(["-s", signer, "-I", name, "-h", installation.config.hostKeyFile + ".pub"])
    }
}
