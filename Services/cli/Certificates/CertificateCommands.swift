import ArgumentParser
import AuthClient
import Foundation

/// `berth ca sign-host`.
struct AuthorityHostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-host",
        abstract: "Makes a certificate for a gateway's host key, beside the key.",
        discussion: "For host_key.pub it is written to host_key-cert.pub."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The host's public key file.")
    var file: String

    @Option(help: "A name or address by which clients call the host; may be repeated.")
    var host: [String]

    @Option(help: "How long it is good, as 90d or 12h; by default what the configuration says.")
    var lifetime: Lifetime?

    @Option(help: "The authority that signs; by default the first for hosts.")
    var authority: String?

    @Option(help: "Another file to write to.")
    var output: String?

    func run() async throws {
        try await certify(file, output, admin) { client, key in
            try await client.certifyHost(
                NewHostCertificate(
                    publicKey: key,
                    names: host,
                    lifetimeSeconds: lifetime?.seconds,
                    authority: authority
                )
            )
        }
    }
}

/// `berth ca sign-user`.
struct AuthorityUserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-user",
        abstract: "Makes a certificate for a user's key without a login, beside the key.",
        discussion: "For id_ed25519.pub it is written to id_ed25519-cert.pub."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The user, who must be in the store.")
    var user: String

    @Argument(help: "The user's public key file.")
    var file: String

    @Option(help: "How long it is good, as 8h; by default what the configuration says.")
    var lifetime: Lifetime?

    @Option(help: "Another file to write to.")
    var output: String?

    func run() async throws {
        try await certify(file, output, admin) { client, key in
            try await client.certifyUser(
                NewUserCertificate(user: user, publicKey: key, lifetimeSeconds: lifetime?.seconds)
            )
        }
    }
}

/// Has the key in `file` certified, and writes the certificate beside it or to `output`.
private func certify(
    _ file: String,
    _ output: String?,
    _ admin: AdminOptions,
    _ sign: (UserClient, String) async throws -> MadeCertificate
) async throws {
    let keys = try readKeys(file)
    guard keys.count == 1 else { throw ValidationError("\(file) holds several keys.") }
    let output = output ?? CertificateFile.path(beside: file)
    try await admin.run { client in
        let made = try await sign(client, keys[0])
        try CertificateFile.write(made, to: output)
        print("wrote \(output), serial \(made.serial), until \(made.expires)")
    }
}

/// `berth ca certificates`.
struct AuthorityCertificatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificates",
        abstract: "Lists the certificates that authd signed, the newest first."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "Only those of this user or host.")
    var subject: String?

    @Option(help: "At most so many, 1...1000.")
    var limit = 100

    func run() async throws {
        try await admin.run { client in
            for certificate in try await client.certificates(of: subject, limit: limit) {
                let state = certificate.revoked ? ", revoked" : ""
                print(
                    "\(certificate.serial): \(certificate.kind.rawValue) "
                        + "\(certificate.subject.printable), \(certificate.fingerprint), "
                        + "\(certificate.issued) to \(certificate.expires)\(state)"
                )
            }
        }
    }
}

/// `berth ca revoke`.
struct AuthorityRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Takes certificates back."
    )

    @OptionGroup var admin: AdminOptions

    @Option(help: "The serial number of one that authd signed.")
    var serial: String?

    @Option(help: "All that authd has signed for this user so far.")
    var user: String?

    @Option(help: "Whatever was signed for, or by, the key with this fingerprint (SHA256:…).")
    var fingerprint: String?

    @Option(help: "Whatever has this key ID.")
    var keyId: String?

    func validate() throws {
        guard [serial, user, fingerprint, keyId].compactMap(\.self).count == 1 else {
            throw ValidationError("Give one of --serial, --user, --fingerprint and --key-id.")
        }
    }

    func run() async throws {
        try await admin.run { client in
            try await client.revoke(
                NewRevocation(serial: serial, user: user, fingerprint: fingerprint, keyId: keyId)
            )
            print("revoked")
        }
    }
}

/// `berth ca krl`.
struct AuthorityRevocationListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "krl",
        abstract: "Writes what is revoked as a list of ssh-keygen -k.",
        discussion: "For auth.certificates.revokedKeys, and for RevokedKeys of OpenSSH's sshd."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The file to write; one that is there is replaced.")
    var file: String

    func run() async throws {
        try await admin.run { client in
            let bytes = try await client.revocationList()
            try Data(bytes).write(to: URL(filePath: file), options: .atomic)
            print("wrote \(bytes.count) bytes to \(file)")
        }
    }
}

/// A time as `90d`, `12h`, `30m`, `3600s` or in seconds.
struct Lifetime: ExpressibleByArgument {
    let seconds: Int

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = argument.last.flatMap { units[$0] }
        let digits = unit == nil ? Substring(argument) : argument.dropLast()
        guard let number = Int(digits), number > 0 else { return nil }
        let (seconds, isTooLarge) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !isTooLarge else { return nil }
        self.seconds = seconds
    }
}

enum CertificateFile {
    /// Where OpenSSH looks for the certificate of a key.
    static func path(beside key: String) -> String {
        (key.hasSuffix(".pub") ? String(key.dropLast(4)) : key) + "-cert.pub"
    }

    /// Replaces the file as a whole.
    static func write(_ made: MadeCertificate, to path: String) throws {
        try Data((made.certificate + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    }
}
