import AuthClient
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import AuthdCore

@Suite("Certificates of authd")
struct CertificateTests {
    private static let now = UInt64(Date.now.timeIntervalSince1970)

    /// A user `ann`, also `root`, and an authority of authd's own.
    private func run(
        _ config: AuthdCertificatesConfig = .init(),
        _ body: (Fixture, CertificateIssuer) async throws -> Void
    ) async throws {
        try await Fixture.run { fixture in
            let user = NewUser(
                name: "ann",
                passwordBase64: base64("secret"),
                groups: ["ops"],
                loginNames: ["root", "glob:app-*"]
            )
            _ = try await fixture.administrator.add(user)
            let issuer = fixture.issuer(config)
            _ = try await issuer.add(NewAuthority(name: "users", kind: .user))
            try await body(fixture, issuer)
        }
    }

    private func ann(_ fixture: Fixture) async throws -> Account {
        try #require(try await fixture.store.account(named: "ann"))
    }

    private func issue(_ fixture: Fixture, _ issuer: CertificateIssuer) async throws -> String {
        try await issuer.certify(
            try await ann(fixture),
            key: Keys.first,
            lifetime: nil,
            address: nil
        ).certificate
    }

    private func accepts(_ fixture: Fixture, _ line: String, as name: String = "ann") async throws
        -> AuthResponse
    {
        let question = CertificateQuestion(certificate: line)
        return try await fixture.authority.answer(request(name, .certificate(question)))
    }

    @Test("a certificate names the user and their login names, and nothing that is a pattern")
    func terms() async throws {
        var config = AuthdCertificatesConfig()
        config.bindAddress = true
        try await run(config) { fixture, issuer in
            let made = try await issuer.certify(
                try await ann(fixture),
                key: Keys.first,
                lifetime: 600,
                address: "192.0.2.1"
            )
            let certificate = try OpenSSHCertificate(line: made.certificate)
            #expect(certificate.isSignatureValid)
            #expect(certificate.principals == ["ann", "root"])
            #expect(certificate.keyID == "ann")
            #expect("\(certificate.serial)" == made.serial)
            #expect(certificate.fingerprint == Keys.firstFingerprint)
            #expect(certificate.validBefore >= Self.now + 600)
            #expect(certificate.criticalOptions.map(\.text) == ["192.0.2.1"])
            #expect(certificate.extensions.map(\.name).contains("permit-pty"))
            #expect(
                try await issuer.certificates(of: "ann", limit: 10).map(\.serial) == [made.serial]
            )
            #expect(fixture.logText.contains("AUTHD_CERTIFICATE_ISSUED"))
        }
    }

    @Test("a lifetime beyond the limit, or that of a group, is refused; the account ends it too")
    func lifetimes() async throws {
        var config = AuthdCertificatesConfig()
        config.groupLifetimes = ["ops": .seconds(3600), "others": .seconds(60)]
        try await run(config) { fixture, issuer in
            for seconds in [-1, 0, 59, 3601, Int.max] {
                let refused = await code {
                    try await issuer.certify(
                        try await ann(fixture),
                        key: Keys.first,
                        lifetime: seconds,
                        address: nil
                    )
                }
                #expect(refused == .authdCertificateInvalid, "\(seconds)")
            }
            let line = try await issue(fixture, issuer)
            let end = try OpenSSHCertificate(line: line).validBefore
            #expect(end <= UInt64(Date.now.timeIntervalSince1970) + 3600)
            let soon = Int(Date.now.timeIntervalSince1970) + 120
            let change = UserChange(expires: UserDate.text(soon))
            _ = try await fixture.administrator.change("ann", change)
            let short = try OpenSSHCertificate(line: try await issue(fixture, issuer))
            #expect(short.validBefore == UInt64(soon))
        }
    }

    @Test("its holder gets in under every name they may use, and only then")
    func own() async throws {
        try await run { fixture, issuer in
            let line = try await issue(fixture, issuer)
            for name in ["ann", "root", "app-1"] {
                let answer = try await accepts(fixture, line, as: name)
                #expect(answer.success)
                #expect(answer.authenticatedUsername == "ann")
            }
            #expect(try await !accepts(fixture, line, as: "bob").success)
            _ = try await fixture.administrator.change("ann", UserChange(disabled: true))
            #expect(try await !accepts(fixture, line).success)
        }
    }

    @Test("a revoked one is good for nothing", arguments: ["serial", "user", "key", "keyID"])
    func revoked(_ kind: String) async throws {
        try await run { fixture, issuer in
            let line = try await issue(fixture, issuer)
            let certificate = try OpenSSHCertificate(line: line)
            #expect(try await accepts(fixture, line).success)
            let revocation =
                switch kind {
                case "serial": NewRevocation(serial: "\(certificate.serial)")
                case "user": NewRevocation(user: "ann")
                case "key": NewRevocation(fingerprint: certificate.fingerprint)
                default: NewRevocation(keyId: "ann")
                }
            try await issuer.revoke(revocation)
            #expect(try await !accepts(fixture, line).success)
            let list = try KeyRevocationList(bytes: try await issuer.revocationList())
            #expect(list.revokes(certificate))
            #expect(fixture.logText.contains("AUTHD_CERTIFICATE_REVOKED"))
        }
    }

    @Test("a revocation that names nothing, or too much, is refused")
    func badRevocations() async throws {
        try await run { _, issuer in
            let bodies = [
                NewRevocation(), NewRevocation(serial: "1", user: "ann"),
                NewRevocation(serial: "x"), NewRevocation(serial: "1"), NewRevocation(user: "ann"),
                NewRevocation(fingerprint: "SHA256:short"), NewRevocation(keyId: ""),
                NewRevocation(keyId: String(repeating: "k", count: 2000)),
            ]
            for body in bodies {
                let refused = await code { try await issuer.revoke(body) }
                #expect(refused == .authdCertificateInvalid, "\(body)")
            }
        }
    }

    @Test("after a rotation both keys count, the new one signs, and removing one ends it")
    func rotation() async throws {
        try await run { fixture, issuer in
            let old = try await issue(fixture, issuer)
            let fresh = try await issuer.rotate("users")
            let new = try await issue(fixture, issuer)
            #expect(
                try OpenSSHCertificate(line: new).signatureKey.fingerprint == fresh.fingerprint
            )
            #expect(try await accepts(fixture, old).success)
            #expect(try await accepts(fixture, new).success)
            let retired = try #require(
                try await issuer.authorities().first { $0.trustedUntil != nil }
            )
            #expect(!retired.signs)
            try await issuer.remove(retired.name)
            #expect(try await !accepts(fixture, old).success)
            #expect(await code { try await issuer.rotate("none") } == .authdAuthorityUnknown)
            #expect(await code { try await issuer.remove("none") } == .authdAuthorityUnknown)
            #expect(fixture.logText.contains("AUTHD_CA_CHANGED"))
        }
    }

    /// A certificate for `principals` that `authority` signed.
    private func foreign(
        _ authority: SSHPrivateKey,
        _ principals: [String],
        kind: OpenSSHCertificate.Kind = .user,
        until end: UInt64 = now + 600
    ) throws -> String {
        let key = try #require(try AuthorizedKey.parse(Keys.second)).key
        let terms = OpenSSHCertificate.Terms(
            kind: kind,
            serial: 7,
            keyID: "theirs",
            principals: principals,
            validAfter: 0,
            validBefore: end
        )
        return try OpenSSHCertificate(terms, for: key, signedBy: authority).line
    }

    @Test("an authority of others counts once it is trusted, for the principals it may certify")
    func trusted() async throws {
        try await run { fixture, issuer in
            let theirs = try SSHPrivateKey.generateEd25519()
            let line = try foreign(theirs, ["bob", "ann"])
            #expect(try await !accepts(fixture, line).success)
            let trust = NewAuthority(
                name: "theirs",
                kind: .user,
                publicKey: theirs.publicKey.authorizedKeysLine,
                principals: ["glob:a*"]
            )
            _ = try await issuer.add(trust)
            #expect(try await accepts(fixture, line).authenticatedUsername == "ann")
            #expect(try await !accepts(fixture, try foreign(theirs, ["bob"])).success)
            #expect(try await !accepts(fixture, try foreign(theirs, [])).success)
            #expect(try await !accepts(fixture, try foreign(theirs, ["ann"], kind: .host)).success)
            let old = try foreign(theirs, ["ann"], until: Self.now - 3600)
            #expect(try await !accepts(fixture, old).success)
            // The name of a group's or user's login name is not the user.
            #expect(try await !accepts(fixture, try foreign(theirs, ["root"]), as: "root").success)
            #expect(await code { try await issuer.add(trust) } == .authdAuthorityExists)
        }
    }

    @Test("a certificate with authd's key that authd has not noted is refused")
    func unknownSerial() async throws {
        try await run { fixture, _ in
            let stored = try #require(try await fixture.store.authority(named: "users"))
            let signer = try #require(try stored.signer())
            #expect(try await !accepts(fixture, try foreign(signer, ["ann"])).success)
        }
    }

    @Test("whatever is no certificate is refused, cut off at every byte or changed in any")
    func hostile() async throws {
        try await run { fixture, issuer in
            let line = try await issue(fixture, issuer)
            let certificate = try OpenSSHCertificate(line: line)
            let type = line.split(separator: " ")[0]
            func answer(_ blob: [UInt8]) async throws -> Bool {
                let text = "\(type) \(Data(blob).base64EncodedString())"
                return try await accepts(fixture, text).success
            }
            for length in stride(from: 0, to: certificate.blob.count, by: 7) {
                #expect(try await !answer(Array(certificate.blob.prefix(length))))
            }
            for place in stride(from: 0, to: certificate.blob.count, by: 5) {
                var blob = certificate.blob
                blob[place] ^= 1
                #expect(try await !answer(blob), "byte \(place)")
            }
            for text in ["", " ", "x", Keys.first, "\(type)", "\(type) ***"] {
                #expect(try await !accepts(fixture, text).success)
            }
        }
    }

    @Test("authorities and hosts that cannot be are refused")
    func badAuthorities() async throws {
        try await run { _, issuer in
            let bodies: [(NewAuthority, MessageCode)] = [
                (NewAuthority(name: "a b", kind: .user), .authdNameInvalid),
                (NewAuthority(name: "users", kind: .host), .authdAuthorityExists),
                (NewAuthority(name: "x", kind: .user, publicKey: "x"), .authdAuthorityInvalid),
                (
                    NewAuthority(name: "x", kind: .user, principals: ["a b"]),
                    .authdAuthorityInvalid
                ),
            ]
            for (body, expected) in bodies {
                #expect(await code { try await issuer.add(body) } == expected, "\(body)")
            }
            let host = NewHostCertificate(publicKey: Keys.ecdsa, names: ["gate.example"])
            #expect(await code { try await issuer.certifyHost(host) } == .authdAuthorityUnknown)
            _ = try await issuer.add(NewAuthority(name: "hosts", kind: .host))
            let made = try OpenSSHCertificate(line: try await issuer.certifyHost(host).certificate)
            #expect(made.kind == .host)
            #expect(made.principals == ["gate.example"])
            #expect(made.extensions.isEmpty)
            var broken: [NewHostCertificate] = []
            for names in [[], [""], ["a b"], ["a,b"], Array(repeating: "h", count: 257)] {
                broken.append(NewHostCertificate(publicKey: Keys.ecdsa, names: names))
            }
            broken.append(NewHostCertificate(publicKey: "no key", names: ["h"]))
            for seconds in [0, -5, Int.max] {
                broken.append(
                    NewHostCertificate(
                        publicKey: Keys.ecdsa,
                        names: ["h"],
                        lifetimeSeconds: seconds
                    )
                )
            }
            for body in broken {
                let refused = await code { try await issuer.certifyHost(body) }
                #expect(refused == .authdCertificateInvalid, "\(body)")
            }
        }
    }
}

@Suite("Certificates on an administrator's word")
struct UserCertificateTests {
    @Test("name the user as after a login, for accounts that are open")
    func certify() async throws {
        try await Fixture.run { fixture async throws in
            let user = NewUser(name: "bot", loginNames: ["deploy"])
            _ = try await fixture.administrator.add(user)
            try await fixture.serve { url async throws in
                let client = try UserClient(HTTPClientConfig(url: url), logger: fixture.logger)
                func sign(_ name: String, _ key: String = Keys.first, _ lifetime: Int? = nil)
                    async throws -> MadeCertificate
                {
                    try await client.certifyUser(
                        NewUserCertificate(user: name, publicKey: key, lifetimeSeconds: lifetime)
                    )
                }
                #expect(await code { try await sign("bot") } == .authdAuthorityUnknown)
                _ = try await client.addAuthority(NewAuthority(name: "users", kind: .user))
                let made = try await sign("bot", Keys.first, 600)
                #expect(made.principals == ["bot", "deploy"])
                let certificate = try OpenSSHCertificate(line: made.certificate)
                #expect(certificate.fingerprint == Keys.firstFingerprint)
                #expect(certificate.validBefore - certificate.validAfter <= 700)
                let question = CertificateQuestion(certificate: made.certificate)
                let answer = try await fixture.authority.answer(
                    request("deploy", .certificate(question))
                )
                #expect(answer.authenticatedUsername == "bot")
                #expect(await code { try await sign("nobody") } == .authdUserUnknown)
                let bad = await code { try await sign("bot", "no key") }
                #expect(bad == .authdCertificateInvalid)
                let long = await code { try await sign("bot", Keys.first, 99_999_999) }
                #expect(long == .authdCertificateInvalid)
                _ = try await client.change("bot", UserChange(disabled: true))
                #expect(await code { try await sign("bot") } == .authdCertificateInvalid)
            }
        }
    }
}

@Suite("The login listener")
struct CertificateLoginTests {
    private func run(
        _ body: (Fixture, CertificateLoginClient) async throws -> Void
    ) async throws {
        try await Fixture.run { fixture in
            let user = NewUser(name: "ann", passwordBase64: base64("secret"))
            _ = try await fixture.administrator.add(user)
            _ = try await fixture.issuer().add(NewAuthority(name: "users", kind: .user))
            try await fixture.serve { url in
                let client = try CertificateLoginClient(
                    HTTPClientConfig(url: url),
                    logger: fixture.logger
                )
                try await body(fixture, client)
            }
        }
    }

    @Test("the right answers bring a certificate for the key that was named from the beginning")
    func good() async throws {
        try await run { fixture, client in
            let login = CertificateLogin(username: "ann", publicKey: Keys.first)
            let made = try await client.certificate(login) { round in
                #expect(round.prompts.map(\.prompt) == ["Password: "])
                return [Array("secret".utf8)]
            }
            let certificate = try OpenSSHCertificate(line: made.certificate)
            #expect(certificate.fingerprint == Keys.firstFingerprint)
            #expect(!fixture.logText.contains("secret"))
        }
    }

    @Test("wrong answers, unknown people and keys that are none get nothing")
    func refused() async throws {
        try await run { fixture, client in
            func attempt(_ name: String, _ key: String, _ password: String) async -> MessageCode? {
                await code {
                    try await client.certificate(
                        CertificateLogin(username: name, publicKey: key)
                    ) { _ in [Array(password.utf8)] }
                }
            }
            #expect(await attempt("ann", Keys.first, "wrong") == .authdLoginRefused)
            #expect(await attempt("bob", Keys.first, "secret") == .authdLoginRefused)
            #expect(await attempt("ann", "no key", "secret") == .authdCertificateInvalid)
            #expect(fixture.logText.contains("AUTHD_LOGIN_REFUSED"))
            _ = try await fixture.issuer().remove("users")
            #expect(await attempt("ann", Keys.first, "secret") == .authdAuthorityUnknown)
        }
    }

    @Test("a conversation about one key brings no certificate for another")
    func otherKey() async throws {
        try await run { fixture, _ in
            let conversation = try await fixture.conversation()
            var head = request("ann", .password([])).head
            head.connectionID = "login \(Keys.firstFingerprint)"
            let begin = KeyboardRequest(head: head, step: .begin(devices: ""))
            guard case .round(let round) = try await conversation.answer(begin) else {
                Issue.record("no round")
                return
            }
            head.connectionID = "login SHA256:other"
            let step = KeyboardRequest.Step.answers([Array("secret".utf8)], state: round.state)
            let answer = try await conversation.answer(KeyboardRequest(head: head, step: step))
            #expect(answer == .verdict(AuthResponse(success: false)))
        }
    }
}
