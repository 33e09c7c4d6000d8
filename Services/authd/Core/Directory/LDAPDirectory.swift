import Foundation
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels

/// Asks LDAP servers whose a password is, and who somebody is.
///
/// Passwords and look-ups have threads of their own, so that neither guessing nor a server that
/// does not answer keeps others waiting.
package final class LDAPDirectory: Sendable {
    let config: AuthdLDAPConfig
    private let people: LDAPPeople
    private let passwords: BoundedThreads
    private let lookups: BoundedThreads

    /// What came of a password.
    enum Answer: Sendable {
        case right(LDAPPerson)
        case refused(PasswordSources.Refusal)
        /// The directory has nobody of that name.
        case unknown
    }

    /// Reads files and so blocks. Throws `AUTHD_LDAP_INVALID` for those that cannot be used.
    package init(_ config: AuthdLDAPConfig, logger: Logger) throws {
        self.config = config
        let authorities = try Self.authorities(config.caCertificate)
        let connections = LDAPConnections(
            config.servers.map {
                LDAPConnection.Server(
                    url: $0,
                    authorities: authorities,
                    startTLS: config.startTLS,
                    connectTimeout: config.connectTimeout,
                    timeout: config.timeout
                )
            },
            account: (config.bindDN, try Self.password(config)),
            retryAfter: config.retryAfter,
            logger: logger
        )
        people = LDAPPeople(config, connections, logger)
        let longestWait = Duration.seconds(2)  // what gateways wait for an answer
        passwords = BoundedThreads(
            threads: config.threads,
            most: config.waiting,
            longestWait: longestWait
        )
        lookups = BoundedThreads(threads: 4, most: config.waiting, longestWait: longestWait)
    }

    /// Whose the password is: as much work for somebody unknown as for a wrong password.
    ///
    /// Throws a `CodedError`: `AUTHD_BUSY`, `AUTHD_LDAP_UNAVAILABLE`.
    func check(_ password: [UInt8], of username: String) async throws -> Answer {
        // To servers an empty one is no password at all, and never wrong (RFC 4513 §5.1.2).
        guard !password.isEmpty else { return .refused(.init(reason: "empty password")) }
        guard LDAPText.isUsable(username) else { return .unknown }
        return try await passwords.run { [people] in try people.check(password, of: username) }
    }

    /// Takes as long as a wrong password, for somebody whom another source has refused.
    func waste(_ username: String) async throws {
        guard LDAPText.isUsable(username) else { return }
        try await passwords.run { [people] in try people.waste(username) }
    }

    /// Who somebody is; `nil` for nobody, and for those who may not log in. Throws as `check` does.
    func person(named username: String) async throws -> LDAPPerson? {
        guard LDAPText.isUsable(username) else { return nil }
        return try await lookups.run { [people] in try people.find(username) }
    }

    /// Somebody whom another source lets in, with what the directory says about them where they
    /// have to be in it; `nil` if they are not.
    func completed(_ person: Person) async throws -> Person? {
        guard config.requireEntry else { return person }
        guard let found = try await self.person(named: person.name), found.name == person.name
        else { return nil }
        var person = person
        person.said.merge(found.said)
        return person
    }

    // MARK: - Files

    /// The library takes certificates from a file only.
    private static func authorities(_ source: PEMSource) throws -> String {
        let file = source.file ?? "/etc/ssl/certs/ca-certificates.crt"
        if source.isInline {
            let path = FileManager.default.temporaryDirectory
                .appending(path: "berth-ldap-\(UUID().uuidString).pem").path
            let text = Data(try source.load().utf8)
            guard FileManager.default.createFile(atPath: path, contents: text) else {
                throw CodedError(.authdLDAPInvalid, detail: "cannot write \(path)")
            }
            return path
        }
        guard FileManager.default.isReadableFile(atPath: file) else {
            guard source.isEmpty else {
                throw CodedError(.authdLDAPInvalid, detail: "cannot read \(file)")
            }
            return ""
        }
        return file
    }

    private static func password(_ config: AuthdLDAPConfig) throws -> [UInt8] {
        guard !config.bindPasswordFile.isEmpty else {
            return Array(config.bindPassword.reveal().utf8)
        }
        guard let data = FileManager.default.contents(atPath: config.bindPasswordFile) else {
            let detail = "cannot read \(config.bindPasswordFile)"
            throw CodedError(.authdLDAPInvalid, detail: detail)
        }
        let text = String(decoding: data, as: UTF8.self)
            .trimmingCharacters(in: .newlines)
        guard !text.isEmpty else {
            throw CodedError(.authdLDAPInvalid, detail: "\(config.bindPasswordFile) is empty")
        }
        return Array(text.utf8)
    }
}

/// Somebody whom the directory knows.
struct LDAPPerson: Sendable, Hashable {
    /// As the directory spells it.
    var name: String
    /// Lines as in `authorized_keys`.
    var keys: [String]
    var said: Person.Said
}
