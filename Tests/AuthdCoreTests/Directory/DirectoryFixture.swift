import AuthClient
import DirectoryServer
import Foundation
import InMemoryLogging
import Logging
import SharedConfig
import SharedMessages
import SharedModels

@testable import AuthdCore

/// An authd without its process that asks a real LDAP server.
struct DirectoryFixture {
    let fixture: Fixture
    let server: DirectoryServer
    let passwords: PasswordSources

    /// `change` is made to a configuration that finds everybody and their groups.
    static func run(
        _ change: @escaping (inout AuthdLDAPConfig, DirectoryServer) -> Void = { _, _ in },
        _ body: (DirectoryFixture) async throws -> Void
    ) async throws {
        try await DirectoryServer.with { server async throws in
            try await run(on: server, { change(&$0, server) }, body)
        }
    }

    static func run(
        on server: DirectoryServer,
        _ change: (inout AuthdLDAPConfig) -> Void = { _ in },
        _ body: (DirectoryFixture) async throws -> Void
    ) async throws {
        var config = AuthdLDAPConfig()
        config.servers = [server.url]
        config.bindDN = DirectoryServer.account
        config.bindPassword = Secret(DirectoryServer.accountPassword)
        config.base = DirectoryServer.people
        config.groupBase = DirectoryServer.groups
        config.groupFilter = "(member={dn})"
        config.keysAttribute = "sshPublicKey"
        // A slow machine's server is no dead one.
        config.connectTimeout = .seconds(60)
        config.timeout = .seconds(60)
        change(&config)
        let ready = config
        try await Fixture.run { fixture async throws in
            let directory = try LDAPDirectory(ready, logger: fixture.logger)
            let passwords = PasswordSources(
                store: fixture.store,
                hasher: fixture.hasher,
                directory: directory
            )
            try await body(Self(fixture: fixture, server: server, passwords: passwords))
        }
    }

    var authority: Authority { Authority(passwords, logger: fixture.logger) }

    func ask(_ name: String, _ question: AuthQuestion) async throws -> AuthResponse {
        try await authority.answer(request(name, question))
    }

    func logIn(_ name: String, _ password: String? = nil) async throws -> AuthResponse {
        try await ask(name, .password(Array((password ?? "pw-\(name)").utf8)))
    }

    /// The reasons in the log, of the latest refusals last.
    var reasons: [String] {
        fixture.log.entries.compactMap { $0.metadata["reason"]?.description }
    }
}

extension AuthResponse {
    /// Whether it is a refusal that tells the person nothing.
    var isSilent: Bool { !success && reason.isEmpty && carried == .init() }
}
