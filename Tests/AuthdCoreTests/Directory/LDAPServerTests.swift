import AuthClient
import DirectoryServer
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite(
    "Servers of a directory: encryption, fail-over, floods",
    .enabled(if: DirectoryServer.isAvailable, "needs slapd and ldap-utils"),
    .timeLimit(.minutes(5))
)
struct LDAPServerTests {
    /// Nobody listens there: ports below 1024 are given away by nobody.
    private static let dead = "ldap://127.0.0.1:1"

    @Test("StartTLS and ldaps with the right authority, and with none that the server is from")
    func encryption() async throws {
        try await DirectoryFixture.run { site async throws in
            let server = site.server
            for (url, startTLS) in [(server.url, true), (server.encryptedURL, false)] {
                for (file, isRight) in [(server.authority, true), (server.strangeAuthority, false)]
                {
                    for isInline in [false, true] {
                        let pem =
                            isInline ? try String(contentsOfFile: file, encoding: .utf8) : file
                        try await DirectoryFixture.run(on: server) {
                            $0.servers = [url]
                            $0.startTLS = startTLS
                            $0.caCertificate = PEMSource(pem)
                        } _: { site async throws in
                            let code = await code { try await site.logIn("alice") }
                            #expect(code == (isRight ? nil : .authdLDAPUnavailable), "\(url)")
                            let log = site.fixture.logText
                            #expect(log.contains("AUTHD_LDAP_SERVER_DOWN") == !isRight, "\(log)")
                        }
                    }
                }
            }
            let log = await server.stop()
            #expect(log.contains("TLS established"))
        }
    }

    @Test("a password never goes to a server whose certificate is wrong")
    func noPassword() async throws {
        try await DirectoryFixture.run { site async throws in
            try await DirectoryFixture.run(on: site.server) {
                $0.startTLS = true
                $0.caCertificate = PEMSource(site.server.strangeAuthority)
                $0.bindDN = ""
                $0.bindPassword = Secret()
                $0.userDN = "uid={username},\(DirectoryServer.people)"
            } _: { site async throws in
                #expect(await code { try await site.logIn("alice") } == .authdLDAPUnavailable)
            }
            #expect(await !site.server.stop().contains("BIND dn=\"uid=alice"))
        }
    }

    @Test("dead and silent servers are left out for the next one, and asked again later")
    func failOver() async throws {
        try await DirectoryServer.with { first async throws in
            try await DirectoryServer.with { second async throws in
                try await DirectoryFixture.run(on: first) {
                    $0.servers = [Self.dead, first.url, second.url]
                    $0.timeout = .seconds(3)
                    $0.retryAfter = .seconds(1)
                } _: { site async throws in
                    #expect(try await site.logIn("alice").success)
                    #expect(site.fixture.logText.contains("AUTHD_LDAP_SERVER_DOWN"))
                    first.pause()
                    #expect(try await eventually { try await site.logIn("alice").success })
                    #expect(site.fixture.logText.contains("no answer in time"))
                    first.resume()
                    // The first answers again once its time is over, and is preferred.
                    #expect(
                        try await eventually {
                            _ = try await site.logIn("alice")
                            return site.fixture.logText.contains("AUTHD_LDAP_SERVER_UP")
                        }
                    )
                }
            }
        }
    }

    @Test("a server that ends while it is used, and one that has come back, cost no login")
    func restart() async throws {
        try await DirectoryFixture.run({ config, _ in config.retryAfter = .seconds(1) }) {
            site async throws in
            for _ in 0..<3 { #expect(try await site.logIn("alice").success) }
            await site.server.stop()
            #expect(await code { try await site.logIn("alice") } == .authdLDAPUnavailable)
            // At once: nobody waits for a server that has just failed.
            #expect(await code { try await site.logIn("bob") } == .authdLDAPUnavailable)
            try await site.server.start()
            #expect(try await eventually { try await site.logIn("alice").success })
            // Connections that were kept have ended meanwhile.
            await site.server.stop()
            try await site.server.start()
            #expect(try await eventually { try await site.logIn("alice").success })
        }
    }

    @Test("an account that may not look people up is no verdict about them")
    func wrongAccount() async throws {
        try await DirectoryFixture.run({ config, _ in config.bindPassword = Secret("wrong") }) {
            site async throws in
            #expect(await code { try await site.logIn("alice") } == .authdLDAPUnavailable)
            #expect(await code { try await site.logIn("nobody") } == .authdLDAPUnavailable)
        }
    }

    @Test("without the directory the store's keys let in, and its own are no verdict")
    func outage() async throws {
        try await DirectoryFixture.run({ config, _ in config.servers = [Self.dead] }) {
            site async throws in
            let user = NewUser(name: "alice", keys: [Keys.first])
            _ = try await site.fixture.administrator.add(user)
            #expect(try await site.ask("alice", .publicKey(Keys.first)).success)
            #expect(try await !site.ask("alice", .publicKey(Keys.second)).success)
            let stranger = await code { try await site.ask("bob", .publicKey(Keys.second)) }
            #expect(stranger == .authdLDAPUnavailable)
        }
    }

    @Test("a flood of passwords at a silent server is refused, and keys are answered meanwhile")
    func flood() async throws {
        try await DirectoryFixture.run({ config, _ in
            config.threads = 2
            config.waiting = 8
            config.timeout = .seconds(5)
        }) { site async throws in
            let user = NewUser(name: "alice", keys: [Keys.first])
            _ = try await site.fixture.administrator.add(user)
            #expect(try await site.logIn("bob").success)
            site.server.pause()
            let flood = Task {
                await withTaskGroup(of: MessageCode?.self) { group in
                    for number in 0..<60 {
                        group.addTask { await code { try await site.logIn("user\(number)") } }
                    }
                    return await group.reduce(into: [MessageCode?: Int]()) {
                        $0[$1, default: 0] += 1
                    }
                }
            }
            for _ in 0..<20 {
                #expect(try await site.ask("alice", .publicKey(Keys.first)).success)
            }
            let outcomes = await flood.value
            #expect(outcomes[.authdBusy, default: 0] >= 1, "\(outcomes)")
            #expect(outcomes[.authdLDAPUnavailable, default: 0] >= 1, "\(outcomes)")
            #expect(outcomes[nil] == nil, "\(outcomes)")
        }
    }

    @Test("files that cannot be used keep authd from starting")
    func files() async throws {
        try await Fixture.run { fixture async throws in
            var config = AuthdLDAPConfig()
            config.servers = [Self.dead]
            config.caCertificate = PEMSource("/none.pem")
            let none = config
            #expect(
                await code { try LDAPDirectory(none, logger: fixture.logger) } == .authdLDAPInvalid
            )
            config.caCertificate = PEMSource()
            let path = fixture.folder.appending(path: "password").path
            config.bindPasswordFile = path
            let account = config
            for text in [nil, "\n", "secret\n"] {
                if let text { try text.write(toFile: path, atomically: true, encoding: .utf8) }
                let code = await code { try LDAPDirectory(account, logger: fixture.logger) }
                #expect(code == (text == "secret\n" ? nil : .authdLDAPInvalid))
            }
        }
    }

    /// Whether `condition` comes true; a directory that does not answer is not yet so.
    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < deadline {
            do {
                if try await condition() { return true }
            } catch let error as CodedError where error.code == .authdLDAPUnavailable {
                await Task.yield()
            }
        }
        return false
    }
}
