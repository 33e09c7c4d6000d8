import Foundation
import Testing

@Suite(
    "Logging in with certificates of ssh-keygen",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4)),
    .certificates
)
struct CertificateTests {
    typealias Terms = CertificateAuthority.Terms

    @Test(
        "a good certificate lets its user in, for every kind of key",
        arguments: [
            ("ed25519", []), ("ecdsa", ["-b", "256"]), ("ecdsa", ["-b", "521"]),
            ("rsa", ["-b", "3072"]),
        ]
    )
    func good(_ type: String, _ size: [String]) async throws {
        let authority = try CertificateAuthority.current
        let name = "good-\(type)\(size.last ?? "")"
        var terms = Terms(key: ["-t", type] + size)
        terms.options += ["-z", "4711"]
        _ = try await authority.issue(name, terms)
        let end = try await authority.ssh(name)
        #expect(end.output == "in\n", "\(end.errors)")
        let line = try await authority.awaitLog("SSH_AUTH_CERT_ACCEPTED", of: name)
        #expect(line.contains("4711"))
    }

    @Test(
        "what is not in order is refused under its code, with the reason",
        arguments: [
            ("expired", Terms(options: ["-n", "dev", "-V", "-2d:-1d"]), "INVALID", "expired"),
            (
                "early", Terms(options: ["-n", "dev", "-V", "+1d:+2d"]), "INVALID",
                "not valid yet"
            ),
            (
                "wrong-name", Terms(options: ["-n", "somebody"]), "REJECTED",
                "not for this user name"
            ),
            ("nameless", Terms(options: []), "NO_PRINCIPALS", "no principals"),
            (
                "wrong-ca", Terms(authority: "otherca"), "REJECTED",
                "the authority is not trusted"
            ),
            (
                "elsewhere", Terms(options: ["-n", "dev", "-O", "source-address=192.0.2.0/24"]),
                "REJECTED", "not from this address"
            ),
            (
                "unknown-option", Terms(options: ["-n", "dev", "-O", "critical:new@example.com"]),
                "INVALID", "unknown critical option new@example.com"
            ),
        ]
    )
    func refused(_ name: String, _ terms: Terms, _ code: String, _ reason: String) async throws {
        let authority = try CertificateAuthority.current
        _ = try await authority.issue(name, terms)
        let end = try await authority.ssh(name)
        #expect(end.status == 255)
        #expect(end.errors.contains("Permission denied (publickey)"), "\(end.errors)")
        let line = try await authority.awaitLog("SSH_AUTH_CERT_\(code)", of: name)
        #expect(line.contains(reason), "\(line)")
    }

    // OpenSSH's client does not even offer it, as one sees by the absence of a record.
    @Test("a host's certificate lets nobody in")
    func ofHost() async throws {
        let authority = try CertificateAuthority.current
        _ = try await authority.issue("of-host", Terms(options: ["-h", "-n", "dev"]))
        let end = try await authority.ssh("of-host")
        #expect(end.status == 255)
        #expect(end.output.isEmpty)
    }

    @Test("the address a certificate names lets its user in")
    func sourceAddress() async throws {
        let authority = try CertificateAuthority.current
        let options = ["-n", "dev", "-O", "source-address=10.0.0.0/8,127.0.0.0/8"]
        _ = try await authority.issue("from-here", Terms(options: options))
        #expect(try await authority.ssh("from-here").output == "in\n")
    }

    @Test("a certificate is for one key: with another it proves nothing")
    func stolen() async throws {
        let authority = try CertificateAuthority.current
        let mine = try await authority.issue("mine")
        let theirs = try await authority.issue("theirs", Terms(options: ["-n", "somebody"]))
        let end = try await authority.installation.ssh(
            "echo in",
            Installation.Login(proof: .key(theirs), options: ["CertificateFile=\(mine)-cert.pub"])
        )
        #expect(end.status == 255)
        #expect(end.output.isEmpty)
    }

    @Test(
        "what ssh-keygen -k revokes is refused at the next login, while the gateway runs",
        arguments: ["serial: 815\n", "id: revoked-id\n", "sha256: KEY\n", "key: KEY\n"]
    )
    func revoked(_ specification: String) async throws {
        // The list is one for the suite: names and numbers are each case's own.
        let kind = specification.prefix { $0 != ":" }
        let name = "revoked-\(kind)"
        let authority = try CertificateAuthority.current
        let key = try await authority.issue(
            name,
            Terms(options: ["-n", "dev", "-z", kind == "serial" ? "815" : "1"])
        )
        try await RevocationTurn.shared.take {
            try await authority.revoke("")
            #expect(try await authority.ssh(name).output == "in\n")
            let line = try String(contentsOfFile: key + ".pub", encoding: .utf8)
            try await authority.revoke(specification.replacing("KEY\n", with: line))
            let end = try await authority.ssh(name)
            #expect(end.status == 255)
            let logged = try await authority.awaitLog("SSH_AUTH_CERT_REJECTED", of: name)
            #expect(logged.contains("revoked"))
            try await authority.revoke("")
        }
    }

    @Test("a certificate's command runs in the place of whatever is asked for")
    func forcedCommand() async throws {
        let authority = try CertificateAuthority.current
        let options = ["-n", "dev", "-O", "force-command=echo forced: $SSH_ORIGINAL_COMMAND"]
        _ = try await authority.issue("forced", Terms(options: options))
        let end = try await authority.ssh("forced", "cat /etc/shadow")
        #expect(end.output == "forced: cat /etc/shadow\n", "\(end.errors)")
    }

    @Test(
        "what a certificate does not permit is refused: here a terminal",
        arguments: [true, false]
    )
    func terminal(isPermitted: Bool) async throws {
        let authority = try CertificateAuthority.current
        let name = isPermitted ? "with-pty" : "without-pty"
        let permit = isPermitted ? ["-O", "permit-pty"] : []
        let options = ["-n", "dev", "-O", "clear"] + permit
        _ = try await authority.issue(name, Terms(options: options))
        let end = try await authority.ssh(name, "test -t 1 && echo tty", arguments: ["-tt"])
        #expect(end.output.contains("tty") == isPermitted, "\(end.errors)")
    }

    // MARK: - Security keys

    @Test(
        "a security key with a certificate must be touched, unless the certificate says otherwise",
        .enabled(if: SecurityKeyProvider.path != nil, SecurityKeyProvider.reason),
        arguments: ["ed25519-sk", "ecdsa-sk"]
    )
    func securityKey(_ type: String) async throws {
        let authority = try CertificateAuthority.current
        let provider = try #require(SecurityKeyProvider.path)
        let login = ["SecurityKeyProvider=\(provider)"]
        let terms = Terms(key: ["-t", type, "-w", provider])
        _ = try await authority.issue("touched-\(type)", terms)
        let touched = try await authority.ssh("touched-\(type)", options: login)
        #expect(touched.output == "in\n", "\(touched.errors)")

        var silent = terms
        silent.key += ["-O", "no-touch-required"]
        _ = try await authority.issue("untouched-\(type)", silent)
        let refused = try await authority.ssh("untouched-\(type)", options: login)
        #expect(refused.status == 255)
        _ = try await authority.awaitLog("SSH_AUTH_TOUCH_REQUIRED", of: "untouched-\(type)")

        silent.options += ["-O", "no-touch-required"]
        _ = try await authority.issue("excused-\(type)", silent)
        let excused = try await authority.ssh("excused-\(type)", options: login)
        #expect(excused.output == "in\n", "\(excused.errors)")
    }
}

/// One test at a time changes the revocation list.
private actor RevocationTurn {
    static let shared = RevocationTurn()
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take(_ body: @Sendable () async throws -> Void) async throws {
        if isTaken { await withCheckedContinuation { waiting.append($0) } }
        isTaken = true
        defer {
            if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
        }
        try await body()
    }
}

/// A security key in software that OpenSSH's client loads, built from C at the first use.
enum SecurityKeyProvider {
    static let reason: Comment = "needs cc and OpenSSL's headers"

    static let path: String? = {
        let source = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Clients/Scripts/security_key.c").standardized
        guard let folder = try? Surroundings.temporaryFolder("sk"),
            let compiler = try? Program(
                "/usr/bin/cc",
                [
                    "-shared", "-fPIC", "-o", folder.appending(path: "sk.so").path, source.path,
                    "-lcrypto",
                ],
                files: folder.appending(path: "cc")
            )
        else { return nil }
        var status: Int32 = 0
        while unsafe waitpid(compiler.id, &status, 0) < 0, errno == EINTR {}
        let path = folder.appending(path: "sk.so").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}
