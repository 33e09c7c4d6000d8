import Foundation
import NIOCore
import SSHTestServer
import Testing

@testable import SharedSSH

@Suite("User certificates")
struct CertificateTests {
    /// A certificate of `ssh-keygen -s` for a new key of the given kind.
    private func certificate(
        _ kind: [String],
        authority: [String] = ["-t", "ed25519"],
        options: [String] = []
    ) throws -> (certificate: OpenSSHCertificate, folder: String) {
        try withTemporaryFolder { folder in
            for (name, arguments) in [("ca", authority), ("key", kind)] {
                let made = try runTool(
                    ["ssh-keygen", "-q", "-N", "", "-f", "\(folder)/\(name)"] + arguments
                )
                try #require(made.status == 0, "\(made.output)")
            }
            let signed = try runTool(
                ["ssh-keygen", "-q", "-s", "\(folder)/ca", "-I", "ann@laptop", "-n", "ann,bob"]
                    + options + ["\(folder)/key.pub"]
            )
            try #require(signed.status == 0, "\(signed.output)")
            let line = try String(contentsOfFile: "\(folder)/key-cert.pub", encoding: .utf8)
            let blob = try #require(Base64.decode(line.split(separator: " ")[1]))
            return (try OpenSSHCertificate(blob: blob), folder)
        }
    }

    private func made(
        _ change: (inout CertificateMaker) -> Void = { _ in }
    ) throws -> [UInt8] {
        var maker = CertificateMaker(
            key: try SSHPrivateKey.generateEd25519().publicKey.blob,
            authority: try SSHPrivateKey.generateEd25519()
        )
        change(&maker)
        return try maker.make()
    }

    @Test(
        "certificates of ssh-keygen are read, and their signatures verify",
        .enabled(if: hasTool("ssh-keygen"), "needs ssh-keygen"),
        arguments: SSHKeyTests.kinds.map(\.arguments),
        [["-t", "ed25519"], ["-t", "ecdsa"], ["-t", "rsa", "-b", "2048"]]
    )
    func keygen(_ kind: [String], _ authority: [String]) throws {
        let (certificate, _) = try certificate(
            kind,
            authority: authority,
            options: [
                "-z", "12", "-V", "20200101000000Z:20300101000000Z", "-O", "clear", "-O",
                "permit-pty", "-O", "source-address=10.0.0.0/8", "-O", "force-command=id",
            ]
        )
        #expect(certificate.kind == .user)
        #expect(certificate.keyID == "ann@laptop")
        #expect(certificate.serial == 12)
        #expect(certificate.principals == ["ann", "bob"])
        #expect(certificate.validAfter == 1_577_836_800)
        #expect(certificate.validBefore == 1_893_456_000)
        #expect(certificate.criticalOptions.map(\.name) == ["force-command", "source-address"])
        #expect(certificate.criticalOptions.first?.data == CertificateMaker.text("id"))
        #expect(certificate.extensions.map(\.name) == ["permit-pty"])
        #expect(certificate.isSignatureValid)
    }

    @Test("a security key can be certified", arguments: SSHKeyType.allCases.filter(\.isSecurityKey))
    func securityKey(_ type: SSHKeyType) throws {
        let authenticator = SoftwareAuthenticator(type)
        let certificate = try OpenSSHCertificate(blob: made { $0.key = authenticator.blob })
        #expect(certificate.publicKey.blob == authenticator.blob)
        #expect(certificate.isSignatureValid)
    }

    @Test("a certificate cut at any byte, or followed by one, is malformed")
    func truncated() throws {
        let blob = try made {
            $0.criticalOptions = [("force-command", CertificateMaker.text("id"))]
            $0.extensions = [("permit-pty", [])]
        }
        for length in blob.indices {
            #expect(throws: KeyError.self) { try OpenSSHCertificate(blob: Array(blob[..<length])) }
        }
        #expect(throws: KeyError.malformed) { try OpenSSHCertificate(blob: blob + [0]) }
    }

    @Test("a certificate with any bit changed is malformed or wrongly signed")
    func flipped() throws {
        let blob = try made()
        for bit in 0..<blob.count * 8 {
            var changed = blob
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            // Most changes leave no certificate at all.
            guard let certificate = try? OpenSSHCertificate(blob: changed) else { continue }
            #expect(!certificate.isSignatureValid, "bit \(bit)")
        }
    }

    @Test("a certificate of a kind that nobody knows is malformed", arguments: [0, 3, .max])
    func unknownKind(_ kind: UInt32) throws {
        let blob = try made { $0.kind = kind }
        #expect(throws: KeyError.malformed) { try OpenSSHCertificate(blob: blob) }
    }

    @Test("options out of order, or twice, are malformed")
    func options() throws {
        for names in [["b", "a"], ["a", "a"]] {
            let blob = try made { $0.extensions = names.map { ($0, []) } }
            #expect(throws: KeyError.malformed) { try OpenSSHCertificate(blob: blob) }
        }
    }

    @Test("more than 256 principals are malformed")
    func manyPrincipals() throws {
        let most = try made { $0.principals = (0..<256).map { "user\($0)" } }
        #expect(try OpenSSHCertificate(blob: most).principals.count == 256)
        let more = try made { $0.principals = (0..<257).map { "user\($0)" } }
        #expect(throws: KeyError.malformed) { try OpenSSHCertificate(blob: more) }
    }

    @Test("a certificate cannot certify")
    func chain() throws {
        let inner = try made()
        // Authority and signature, both Ed25519, are the last 142 bytes.
        var buffer = ByteBuffer(bytes: try made().dropLast(4 + 51 + 4 + 83))
        buffer.writeSSHString(inner)
        buffer.writeSSHString("")
        #expect(throws: KeyError.self) {
            try OpenSSHCertificate(blob: Array(buffer.readableBytesView))
        }
    }

    @Test("the algorithms of certificates are those of keys, by OpenSSH's names")
    func names() {
        #expect(
            UserKeyAlgorithm.certificates.map(\.name) == [
                "ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
                "ecdsa-sha2-nistp384-cert-v01@openssh.com",
                "ecdsa-sha2-nistp521-cert-v01@openssh.com",
                "sk-ssh-ed25519-cert-v01@openssh.com",
                "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
                "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com",
            ]
        )
        let rsa = UserKeyAlgorithm(named: "rsa-sha2-256-cert-v01@openssh.com")
        #expect(rsa?.blobType == "ssh-rsa-cert-v01@openssh.com")
        #expect(UserKeyAlgorithm(named: "ssh-rsa-cert-v01@openssh.com") == nil)
        #expect(UserKeyAlgorithm(named: "ssh-rsa") == nil)
    }

    @Test("over the wire the certified key must sign; the handler gets the certificate")
    func overTheWire() async throws {
        let key = try SSHPrivateKey.generateEd25519()
        let blob = try made { $0.key = key.publicKey.blob }
        let algorithm = "ssh-ed25519-cert-v01@openssh.com"
        var settings = try TestServer.settings()
        settings.authentication.userKeyAlgorithms = [algorithm]
        try await TestServer.run(settings) { server in
            let client = try await server.connect()
            let stranger = try SSHPrivateKey.generateEd25519()
            #expect(
                try await client.authenticate("ann", .rawKeyProbe(algorithm: algorithm, blob: blob))
                    == .keyAcceptable
            )
            let forged = try await client.authenticate(
                "ann",
                .rawKey(algorithm: algorithm, blob: blob) {
                    try stranger.signature(over: $0, algorithm: .ed25519)
                }
            )
            #expect(forged != .authenticated)
            let proven = try await client.authenticate(
                "ann",
                .rawKey(algorithm: algorithm, blob: blob) {
                    try key.signature(over: $0, algorithm: .ed25519)
                }
            )
            #expect(proven == .authenticated)
            let attempts = server.journal.entries.compactMap { entry in
                if case .attempt(let attempt) = entry { attempt.method } else { nil }
            }
            let certificate = try OpenSSHCertificate(blob: blob)
            let offered = OfferedKey(
                algorithm: algorithm,
                type: algorithm,
                blob: blob,
                certificate: certificate
            )
            #expect(
                attempts == [
                    .publicKeyProbe(offered), .publicKeyBadSignature(offered), .publicKey(offered),
                ]
            )
            await client.close()
        }
    }
}
