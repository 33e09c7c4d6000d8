import Foundation
import SSHTestServer
import SharedConfig
import SharedModels
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Logins with certificates")
struct CertificateLoginTests {
    private let authority: SSHPrivateKey
    private let key: SSHPrivateKey
    private static let now: UInt64 = 1_800_000_000

    init() throws {
        authority = try SSHPrivateKey.generateEd25519()
        key = try SSHPrivateKey.generateEd25519()
    }

    private func certificate(
        _ change: (inout CertificateMaker) -> Void = { _ in }
    ) throws -> OpenSSHCertificate {
        var maker = CertificateMaker(key: key.publicKey.blob, authority: authority)
        change(&maker)
        return try OpenSSHCertificate(blob: maker.make())
    }

    private func rules(_ change: (inout CertificateAuthConfig) -> Void = { _ in })
        -> CertificateRules
    {
        var config = CertificateAuthConfig()
        config.mode = .gateway
        change(&config)
        return CertificateRules(config, authorities: [authority.publicKey]) { Self.now }
    }

    private func check(
        _ certificate: OpenSSHCertificate,
        as username: String = "ann",
        from address: String = "203.0.113.7",
        revoked: KeyRevocationList? = nil,
        _ change: (inout CertificateAuthConfig) -> Void = { _ in }
    ) throws -> CertificateTerms {
        try rules(change).check(
            certificate,
            username: username,
            clientAddress: address,
            revoked: revoked
        )
    }

    /// How `body` fails; `nil` if it does not.
    private func fault(_ body: () throws -> CertificateTerms) -> CertificateFault? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? CertificateFault
        }
    }

    private func offered(
        _ certificate: OpenSSHCertificate,
        flags: UInt8? = nil
    ) -> OfferedKey {
        OfferedKey(
            algorithm: certificate.publicKey.type.certificateName,
            type: certificate.publicKey.type.certificateName,
            blob: certificate.blob,
            certificate: certificate,
            securityKey: flags.map { SecurityKeyUse(flags: $0, counter: 1) }
        )
    }

    // MARK: - The certificate itself

    @Test("a good certificate gives the principal as the identity, and nothing it does not permit")
    func good() throws {
        let terms = try check(certificate())
        #expect(terms.identity == "ann")
        #expect(terms.limits == CredentialLimits())
    }

    @Test(
        "the period begins and ends on the second, with the clocks' difference at both ends",
        arguments: [
            (now, now + 1, Duration.zero, nil), (now + 1, .max, .zero, .notYetValid),
            (0, now, .zero, .expired), (0, .max, .zero, nil), (now + 60, .max, .seconds(60), nil),
            (now + 61, .max, .seconds(60), .notYetValid), (0, now - 59, .seconds(60), nil),
            (0, now - 60, .seconds(60), .expired), (.max, .max, .seconds(60), .notYetValid),
            (0, 0, .seconds(60), .expired),
        ] as [(UInt64, UInt64, Duration, CertificateFault?)]
    )
    func period(
        _ after: UInt64,
        _ before: UInt64,
        _ skew: Duration,
        _ fault: CertificateFault?
    ) throws {
        let certificate = try certificate {
            $0.validAfter = after
            $0.validBefore = before
        }
        #expect(self.fault { try check(certificate) { $0.clockSkew = skew } } == fault)
    }

    @Test("a host's certificate is no user's")
    func host() throws {
        let certificate = try certificate { $0.kind = 2 }
        #expect(throws: CertificateFault.notOfUser) { try check(certificate) }
    }

    @Test("another authority is not trusted, whatever it calls itself")
    func otherAuthority() throws {
        let other = try SSHPrivateKey.generateEd25519()
        let certificate = try certificate { $0.authority = other }
        #expect(throws: CertificateFault.untrustedAuthority) { try check(certificate) }
    }

    @Test("a trusted authority's name under another's signature is refused")
    func forged() throws {
        var blob = try certificate().blob
        blob[blob.count - 1] ^= 1
        let forged = try OpenSSHCertificate(blob: blob)
        #expect(throws: CertificateFault.badSignature) { try check(forged) }
    }

    @Test(
        "principals are held against the login name, or against those configured for it",
        arguments: [
            (["ann"], "ann", [:], nil), (["bob", "ann"], "ann", [:], nil),
            (["bob"], "ann", [:], .otherPrincipals), ([], "ann", [:], .noPrincipals),
            (["ci"], "deploy", ["deploy": ["release", "ci"]], nil),
            (["deploy"], "deploy", ["deploy": ["ci"]], .otherPrincipals),
            (["ann"], "ann", ["deploy": ["ci"]], nil), (["Ann"], "ann", [:], .otherPrincipals),
        ] as [([String], String, [String: [String]], CertificateFault?)]
    )
    func principals(
        _ names: [String],
        _ username: String,
        _ configured: [String: [String]],
        _ fault: CertificateFault?
    ) throws {
        let certificate = try certificate { $0.principals = names }
        #expect(
            self.fault { try check(certificate, as: username) { $0.principals = configured } }
                == fault
        )
    }

    @Test("without principals a certificate is good for every name where that is allowed")
    func noPrincipals() throws {
        let certificate = try certificate { $0.principals = [] }
        let terms = try check(certificate, as: "bob") { $0.requirePrincipals = false }
        #expect(terms.identity == "bob")
    }

    @Test(
        "source addresses are networks, and the client must be in one",
        arguments: [
            ("203.0.113.0/24", nil), ("10.0.0.0/8,203.0.113.7", nil),
            ("2001:db8::/32", .otherAddress),
            ("203.0.113.8", .otherAddress), ("203.0.113.7/33", .malformedOption("source-address")),
            ("*", .malformedOption("source-address")), ("", .malformedOption("source-address")),
            (",", .malformedOption("source-address")),
        ] as [(String, CertificateFault?)]
    )
    func sourceAddress(_ value: String, _ fault: CertificateFault?) throws {
        let certificate = try certificate {
            $0.criticalOptions = [("source-address", CertificateMaker.text(value))]
        }
        #expect(self.fault { try check(certificate) } == fault)
    }

    @Test("a critical option that nobody knows is refused, an unknown extension is not")
    func unknownOptions() throws {
        let critical = try certificate { $0.criticalOptions = [("new@example.com", [])] }
        #expect(throws: CertificateFault.unknownOption("new@example.com")) { try check(critical) }
        let harmless = try certificate { $0.extensions = [("new@example.com", [1, 2])] }
        #expect(throws: Never.self) { try check(harmless) }
    }

    @Test(
        "an option's value that does not parse is refused",
        arguments: [
            ("force-command", []), ("force-command", [0, 0, 0, 9, 1]),
            ("force-command", CertificateMaker.text("id") + [0]),
            ("force-command", CertificateMaker.text("i\0d")), ("verify-required", [0, 0, 0, 0]),
        ] as [(String, [UInt8])]
    )
    func malformedOptions(_ name: String, _ data: [UInt8]) throws {
        let certificate = try certificate { $0.criticalOptions = [(name, data)] }
        #expect(throws: CertificateFault.malformedOption(name)) { try check(certificate) }
    }

    @Test("options and extensions become the connection's limits")
    func limits() throws {
        let certificate = try certificate {
            $0.criticalOptions = [("force-command", CertificateMaker.text("git-shell"))]
            $0.extensions = [
                ("permit-X11-forwarding", []), ("permit-agent-forwarding", []),
                ("permit-port-forwarding", []), ("permit-pty", []), ("permit-user-rc", []),
            ]
        }
        #expect(
            try check(certificate).limits
                == CredentialLimits(
                    forcedCommand: "git-shell",
                    permitsPTY: true,
                    permitsPortForwarding: true,
                    permitsAgentForwarding: true,
                    permitsX11Forwarding: true,
                    permitsUserRC: true
                )
        )
    }

    @Test("a revoked key is refused under any certificate")
    func revoked() throws {
        let list = try KeyRevocationList(bytes: Array(key.publicKey.authorizedKeysLine.utf8))
        let certificate = try certificate()
        #expect(throws: CertificateFault.revoked) { try check(certificate, revoked: list) }
    }

    // MARK: - The login

    @Test("the gateway decides without the public key webhook; limits and identity are bound")
    func gatewayMode() async throws {
        let webhook = FakeAuthenticator { _ in AuthResponse(success: false) }
        let login = LoginFixture(
            Authenticators(publicKey: webhook, rules: LoginRules(certificates: rules()))
        )
        let certificate = try certificate { $0.extensions = [("permit-pty", [])] }
        #expect(
            await login.attempt(.publicKeyProbe(offered(certificate)), as: "ann") == .accepted
        )
        #expect(login.state.facts.credentialLimits == nil)
        #expect(await login.attempt(.publicKey(offered(certificate)), as: "ann") == .accepted)
        #expect(webhook.questions.isEmpty)
        let facts = login.state.facts
        #expect(facts.authenticatedUsername == "ann")
        #expect(facts.credentialLimits == CredentialLimits(permitsPTY: true))
        #expect(facts.carried.metadata["certificateKeyId"] == MetadataValue("ann@laptop"))
        #expect(login.codes == ["SSH_AUTH_CERT_ACCEPTED", "SSH_AUTH_SUCCESSFUL"])
        #expect(login.label("serial", of: "SSH_AUTH_CERT_ACCEPTED") == "7")
        #expect(login.label("keyId", of: "SSH_AUTH_CERT_ACCEPTED") == "ann@laptop")
        #expect(
            login.label("authority", of: "SSH_AUTH_CERT_ACCEPTED")
                == authority.publicKey.fingerprint
        )
    }

    @Test("certificates alone make public keys a method")
    func methods() async throws {
        let login = LoginFixture(Authenticators(rules: LoginRules(certificates: rules())))
        #expect(await login.attempt(.none) == .refused(methods: ["publickey"]))
        let plain = OfferedKey(
            algorithm: "ssh-ed25519",
            type: "ssh-ed25519",
            blob: key.publicKey.blob
        )
        #expect(await login.attempt(.publicKeyProbe(plain)) == .refused(methods: ["publickey"]))
        #expect(try login.refusals("publickey", "SSH_AUTH_UNAVAILABLE") == 1)
    }

    @Test(
        "each refusal has its code and its reason",
        arguments: [
            ("bob", "SSH_AUTH_CERT_REJECTED", "not for this user name"),
            ("nobody", "SSH_AUTH_CERT_NO_PRINCIPALS", "no principals"),
            ("late", "SSH_AUTH_CERT_INVALID", "expired"),
        ]
    )
    func codes(_ username: String, _ code: String, _ reason: String) async throws {
        let login = LoginFixture(Authenticators(rules: LoginRules(certificates: rules())))
        let certificate = try certificate {
            if username == "nobody" { $0.principals = [] }
            if username == "late" { $0.validBefore = 1 }
        }
        #expect(
            await login.attempt(.publicKeyProbe(offered(certificate)), as: username)
                == .refused(methods: ["publickey"])
        )
        #expect(login.label("reason", of: code) == reason)
        #expect(try login.refusals("publickey", code) == 1)
    }

    @Test("a certificate where none is accepted is refused")
    func off() async throws {
        let login = LoginFixture(
            Authenticators(publicKey: FakeAuthenticator { _ in AuthResponse(success: true) })
        )
        let key = offered(try certificate())
        #expect(await login.attempt(.publicKey(key), as: "ann") == .refused(methods: ["publickey"]))
    }

    @Test("in webhook mode the certificate is the key line, and its limits hold")
    func webhookMode() async throws {
        let webhook = FakeAuthenticator { _ in
            AuthResponse(success: true, authenticatedUsername: "alice")
        }
        let stranger = try SSHPrivateKey.generateEd25519()
        let certificate = try certificate {
            $0.authority = stranger
            $0.principals = []
            $0.criticalOptions = [("force-command", CertificateMaker.text("id"))]
        }
        let rules = LoginRules(certificates: rules { $0.mode = .webhook })
        let login = LoginFixture(Authenticators(publicKey: webhook, rules: rules))
        #expect(await login.attempt(.publicKey(offered(certificate)), as: "ann") == .accepted)
        let line =
            "ssh-ed25519-cert-v01@openssh.com " + Data(certificate.blob).base64EncodedString()
        #expect(webhook.questions == [.publicKey(line)])
        #expect(login.state.facts.authenticatedUsername == "alice")
        #expect(login.state.facts.credentialLimits?.forcedCommand == "id")
    }

    @Test("in webhook mode a certificate that is not in order never reaches the webhook")
    func webhookModeInvalid() async throws {
        let webhook = FakeAuthenticator { _ in AuthResponse(success: true) }
        let rules = LoginRules(certificates: rules { $0.mode = .webhook })
        let login = LoginFixture(Authenticators(publicKey: webhook, rules: rules))
        var forged = try certificate().blob
        forged[forged.count - 1] ^= 1
        for certificate in [
            try OpenSSHCertificate(blob: forged), try certificate { $0.validBefore = 1 },
            try certificate { $0.kind = 2 }, try certificate { $0.criticalOptions = [("x", [])] },
        ] {
            #expect(
                await login.attempt(.publicKeyProbe(offered(certificate)), as: "ann")
                    == .refused(methods: ["publickey"])
            )
        }
        #expect(webhook.questions.isEmpty)
        #expect(try login.refusals("publickey", "SSH_AUTH_CERT_INVALID") == 4)
    }

    @Test(
        "touch and verification are as the certificate says",
        arguments: [
            (["no-touch-required"], [], UInt8(0), true), ([], [], 0, false), ([], [], 1, true),
            ([], ["verify-required"], 1, false), ([], ["verify-required"], 5, true),
            (["no-touch-required"], ["verify-required"], 4, true),
        ]
    )
    func securityKeys(
        _ extensions: [String],
        _ critical: [String],
        _ flags: UInt8,
        _ isAccepted: Bool
    ) async throws {
        let authenticator = SoftwareAuthenticator(.securityKeyEd25519)
        let certificate = try certificate {
            $0.key = authenticator.blob
            $0.extensions = extensions.map { ($0, []) }
            $0.criticalOptions = critical.map { ($0, []) }
        }
        let login = LoginFixture(Authenticators(rules: LoginRules(certificates: rules())))
        let key = offered(certificate, flags: flags)
        #expect(await login.attempt(.publicKeyProbe(key), as: "ann") == .accepted)
        let verdict = await login.attempt(.publicKey(key), as: "ann")
        #expect(verdict == (isAccepted ? .accepted : .refused(methods: ["publickey"])))
    }

    @Test("verification cannot be had from a key that is in no authenticator")
    func verificationWithoutSecurityKey() async throws {
        let certificate = try certificate { $0.criticalOptions = [("verify-required", [])] }
        let login = LoginFixture(Authenticators(rules: LoginRules(certificates: rules())))
        let verdict = await login.attempt(.publicKey(offered(certificate)), as: "ann")
        #expect(verdict == .refused(methods: ["publickey"]))
        #expect(login.label("reason", of: "SSH_AUTH_TOUCH_REQUIRED") == "not a security key")
    }

    @Test("of two certificates in one login only what both permit remains")
    func narrowed() {
        let wide = CredentialLimits(forcedCommand: "id", permitsPTY: true, permitsUserRC: true)
        let narrow = CredentialLimits(permitsPTY: true, permitsX11Forwarding: true)
        #expect(
            wide.narrowed(by: narrow) == CredentialLimits(forcedCommand: "id", permitsPTY: true)
        )
        #expect(wide.narrowed(by: CredentialLimits(forcedCommand: "ls")) == nil)
    }
}
