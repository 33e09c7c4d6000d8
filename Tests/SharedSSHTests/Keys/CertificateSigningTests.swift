import Foundation
import SSHTestServer
import Testing

@testable import SharedSSH

@Suite("Certificates that are signed here")
struct CertificateSigningTests {
    private func sign(
        _ terms: OpenSSHCertificate.Terms,
        _ folder: String,
        kind: [String] = ["-t", "ed25519"]
    ) throws -> OpenSSHCertificate {
        let made = try runTool(["ssh-keygen", "-q", "-N", "", "-f", "\(folder)/key"] + kind)
        try #require(made.status == 0, "\(made.output)")
        let line = try String(contentsOfFile: "\(folder)/key.pub", encoding: .utf8)
        let key = try #require(try AuthorizedKey.parse(line)).key
        let authority = try SSHPrivateKey.generateEd25519()
        let certificate = try OpenSSHCertificate(terms, for: key, signedBy: authority)
        try Data((certificate.line + " comment\n").utf8)
            .write(to: URL(filePath: "\(folder)/key-cert.pub"))
        try Data((authority.publicKey.authorizedKeysLine + "\n").utf8)
            .write(to: URL(filePath: "\(folder)/ca.pub"))
        return certificate
    }

    private static let terms = OpenSSHCertificate.Terms(
        kind: .user,
        serial: 4711,
        keyID: "ann",
        principals: ["ann", "root"],
        validAfter: 1_700_000_000,
        validBefore: 1_700_003_600,
        criticalOptions: [
            .init(name: "source-address", text: "192.0.2.1"),
            .init(name: "force-command", text: "true"),
        ],
        extensions: [.init(name: "permit-pty"), .init(name: "permit-X11-forwarding")]
    )

    @Test(
        "ssh-keygen -L reads what was certified, for every kind of key",
        arguments: [
            ["-t", "ed25519"], ["-t", "ecdsa", "-b", "384"], ["-t", "rsa", "-b", "2048"],
        ]
    )
    func readable(_ kind: [String]) throws {
        try withTemporaryFolder { folder in
            let certificate = try sign(Self.terms, folder, kind: kind)
            #expect(certificate.isSignatureValid)
            #expect(try OpenSSHCertificate(line: certificate.line + " x") == certificate)
            let shown = try runTool(["ssh-keygen", "-L", "-f", "\(folder)/key-cert.pub"])
            try #require(shown.status == 0, "\(shown.output)")
            let parts = [
                "user certificate", "Key ID: \"ann\"", "Serial: 4711", "root",
                "source-address 192.0.2.1", "force-command true", "permit-pty",
                "permit-X11-forwarding",
            ]
            for part in parts { #expect(shown.output.contains(part), "\(part): \(shown.output)") }
        }
    }

    @Test("a list of revocations is one for ssh-keygen -Q, and for the reader here")
    func revocations() throws {
        try withTemporaryFolder { folder in
            let certificate = try sign(Self.terms, folder)
            let path = "\(folder)/list"
            func isRevoked(_ entries: RevocationEntries) throws -> Bool {
                let bytes = entries.binary(number: 1, date: 1_700_000_000)
                try Data(bytes).write(to: URL(filePath: path))
                let asked = try runTool(
                    ["ssh-keygen", "-Q", "-f", path, "\(folder)/key-cert.pub"]
                )
                let ours = try KeyRevocationList(bytes: bytes).revokes(certificate)
                #expect(ours == (asked.status != 0), "\(asked.output)")
                #expect(asked.output.contains(ours ? "REVOKED" : "ok"), "\(asked.output)")
                return ours
            }
            var entries = RevocationEntries()
            #expect(try !isRevoked(entries))
            let authority = certificate.signatureKey.blob
            entries.serials[authority] = [1, 4712, .max]
            entries.keyIDs[[]] = ["bob"]
            #expect(try !isRevoked(entries))
            var all: [RevocationEntries] = []
            var one = entries
            one.serials[authority] = [1, 4711]
            all.append(one)
            one = entries
            one.keyIDs[[]] = ["ann", "bob"]
            all.append(one)
            one = entries
            let digest = try #require(Base64.decode(certificate.fingerprint.dropFirst(7) + "="))
            one.keyHashes = [digest]
            all.append(one)
            for entries in all { #expect(try isRevoked(entries)) }
        }
    }

    @Test("terms that no reader takes are no certificate")
    func impossible() throws {
        let authority = try SSHPrivateKey.generateEd25519()
        var many = Self.terms
        many.principals = Array(repeating: "a", count: 257)
        var twice = Self.terms
        twice.extensions = [.init(name: "permit-pty"), .init(name: "permit-pty")]
        var long = Self.terms
        long.keyID = String(repeating: "k", count: 5000)
        for terms in [many, twice, long] {
            #expect(throws: KeyError.self) {
                try OpenSSHCertificate(terms, for: authority.publicKey, signedBy: authority)
            }
        }
    }
}
