import Foundation
import Testing

/// An authority of `ssh-keygen`, and a gateway that trusts it and nobody else.
struct CertificateAuthority: Sendable {
    @TaskLocal static var shared: CertificateAuthority?

    static var current: CertificateAuthority {
        get throws { try #require(shared, "the suite lacks the trait .certificates") }
    }

    let installation: Installation
    let folder: URL

    var revokedKeys: String { folder.appending(path: "revoked").path }

    /// What a certificate says.
    struct Terms: Sendable {
        var key = ["-t", "ed25519"]
        /// The name of the authority's key in the folder.
        var authority = "ca"
        var options = ["-n", Installation.user, "-V", "-1d:+1d"]
        var environment: [String: String] = [:]
    }

    /// The settings of a gateway that trusts the authority in `folder`.
    static func settings(_ folder: URL) -> [String] {
        [
            "auth.certificates.mode=gateway",
            "auth.certificates.trustedCAs=[\(folder.path)/ca.pub]",
            "auth.certificates.revokedKeys=\(folder.path)/revoked",
            "auth.publicKey.method=", "auth.password.method=", "audit.enable=false",
        ]
    }

    /// Makes a key and a certificate for it, both called `name`; returns the key's path.
    func issue(_ name: String, _ terms: Terms = Terms()) async throws -> String {
        let key = folder.appending(path: name).path
        try await keygen(["-N", "", "-f", key] + terms.key, terms.environment)
        try await keygen(
            ["-s", folder.appending(path: terms.authority).path, "-I", name] + terms.options
                + [key + ".pub"]
        )
        return key
    }

    /// Revokes what a specification says (ssh-keygen(1), KEY REVOCATION LISTS).
    func revoke(_ specification: String) async throws {
        let path = folder.appending(path: "specification").path
        try Data(specification.utf8).write(to: URL(filePath: path))
        try await keygen(
            ["-k", "-f", revokedKeys + ".new", "-s", folder.appending(path: "ca.pub").path, path]
        )
        guard unsafe rename(revokedKeys + ".new", revokedKeys) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
    }

    func keygen(_ arguments: [String], _ environment: [String: String] = [:]) async throws {
        let end = try await installation.run(
            "/usr/bin/ssh-keygen",
            ["-q"] + arguments,
            environment: environment
        )
        try #require(end.status == 0, "ssh-keygen \(arguments): \(end.errors)")
    }

    /// Logs in with the certificate `name`.
    func ssh(
        _ name: String,
        _ command: String = "echo in",
        user: String = Installation.user,
        options: [String] = [],
        arguments: [String] = []
    ) async throws -> Program.End {
        let key = folder.appending(path: name).path
        return try await installation.ssh(
            command,
            Installation.Login(user: user, proof: .key(key), options: options),
            arguments: arguments
        )
    }

    /// Waits until the gateway has logged `code` about the certificate `name`; returns the line.
    func awaitLog(_ code: String, of name: String) async throws -> String {
        func line() -> Substring? {
            installation.log(.gateway).split(separator: "\n").last {
                $0.contains("\"\(code)\"") && $0.contains("\"\(name)\"")
            }
        }
        try await wait(
            for: "\(code) about \(name); log: \(installation.log(.gateway).suffix(2000))"
        ) {
            line() != nil
        }
        return String(line() ?? "")
    }
}

/// Starts a gateway that trusts a new authority, for a suite and all inside it.
struct CertificatesTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let folder = try Surroundings.temporaryFolder("ca")
        defer { try? FileManager.default.removeItem(at: folder) }  // Only litter if it fails.
        // The gateway reads the authority when it starts, and the list at each login.
        for name in ["ca", "otherca"] {
            let path = folder.appending(path: name).path
            let end = try await Program(
                "/usr/bin/ssh-keygen",
                ["-q", "-t", "ed25519", "-N", "", "-f", path],
                files: folder.appending(path: "made-\(name)")
            ).end()
            try #require(end.status == 0, "\(end.errors)")
        }
        try Data().write(to: folder.appending(path: "revoked"))
        try await Installation.with(
            CertificateAuthority.settings(folder),
            daemons: [.configd, .gateway]
        ) { installation in
            let authority = CertificateAuthority(installation: installation, folder: folder)
            try await CertificateAuthority.$shared.withValue(authority) { try await function() }
        }
    }
}

extension Trait where Self == CertificatesTrait {
    static var certificates: CertificatesTrait { CertificatesTrait() }
}
