import Foundation
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedModels

/// Decides Kerberos logins: takes clients' tickets, and checks passwords with the KDC.
///
/// The keytab stays here; gateways only pass tokens on. Who a principal is says krb5.conf(5), by its
/// rules for local names.
package final class KerberosAuthority: Sendable {
    private let store: UserStore
    private let directory: LDAPDirectory?
    private let config: AuthdKerberosConfig
    private let logger: Logger
    private let negotiations = KerberosNegotiations()
    /// Calls of the library at a time; a KDC that does not answer holds one for many seconds.
    private let threads = BoundedThreads(threads: 8, most: 256, longestWait: .seconds(10))

    /// Looks into the keytab, and so blocks. Throws `AUTHD_KERBEROS_FAILED` for one that cannot be
    /// used.
    package init(
        store: UserStore,
        directory: LDAPDirectory? = nil,
        config: AuthdKerberosConfig,
        logger: Logger
    ) throws {
        self.store = store
        self.directory = directory
        self.config = config
        self.logger = logger
        let path = config.kerberos.configPath
        if !path.isEmpty, FileManager.default.fileExists(atPath: path) {
            try KerberosLibrary.use(configuration: path)
        }
        try KerberosLibrary.check(keytab: config.kerberos.keytab)
    }

    // MARK: - Tickets

    /// Takes one step. Throws a `CodedError` when it cannot decide: `AUTHD_DATABASE_FAILED`,
    /// `AUTHD_BUSY`, `AUTHD_KERBEROS_FAILED`.
    package func answer(_ request: GSSAPIRequest) async throws -> GSSAPIResponse {
        do {
            switch request.step {
            case .token(let token, let state):
                return .goesOn(try await accept(token, state, request.head))
            case .proof(let signed, let mic, let state):
                return .verdict(try await verify(mic, signed, state, request.head))
            }
        } catch let refusal as KerberosLibrary.Refusal {
            return .verdict(refused(request.head, refusal.reason))
        }
    }

    private func accept(
        _ token: [UInt8],
        _ state: String,
        _ head: AuthRequestHead
    ) async throws -> GSSAPIContinuation {
        var negotiation = KerberosNegotiations.Negotiation(
            context: KerberosContext(),
            username: head.username,
            connectionID: head.connectionID
        )
        if !state.isEmpty {
            guard let known = negotiations.take(state, head), known.outcome == nil else {
                throw KerberosLibrary.Refusal(reason: "unknown or old state")
            }
            negotiation = known
        }
        let kerberos = config.kerberos
        let outcome = try await threads.run { [context = negotiation.context] in
            try context.accept(token, keytab: kerberos.keytab, acceptor: kerberos.acceptor)
        }
        if outcome.isComplete { negotiation.outcome = outcome }
        return GSSAPIContinuation(
            token: outcome.token,
            state: try negotiations.keep(negotiation)
        )
    }

    private func verify(
        _ mic: [UInt8],
        _ signed: [UInt8],
        _ state: String,
        _ head: AuthRequestHead
    ) async throws -> AuthResponse {
        guard let negotiation = negotiations.take(state, head), let outcome = negotiation.outcome
        else { throw KerberosLibrary.Refusal(reason: "unknown or old state") }
        try await threads.run { [context = negotiation.context] in
            try context.verify(mic, over: signed)
        }
        return accepted(try await person(outcome, head.username), outcome, head)
    }

    // MARK: - Passwords

    /// Whether authd checks passwords with the KDC instead of the store.
    package var checksPasswords: Bool { config.passwords }

    /// Whose password it is. Throws as `answer(_:)` does.
    func check(
        _ password: [UInt8],
        _ head: AuthRequestHead
    ) async throws -> PasswordSources.Answer {
        let name = head.username
        // Neither another realm's principal nor an instance such as `ann/admin`.
        guard !name.isEmpty, !name.contains(where: { "@/\\".contains($0) || $0.isWhitespace })
        else {
            return .refused(.init(reason: "a name that no principal of the realm has"))
        }
        let kerberos = config.kerberos
        do {
            let outcome = try await threads.run {
                try KerberosLibrary.check(password, of: name, kerberos.keytab, kerberos.acceptor)
            }
            return .right(try await person(outcome, name))
        } catch let refusal as KerberosLibrary.Refusal {
            return .refused(.init(reason: refusal.reason))
        }
    }

    // MARK: - Who it is

    /// A store's account of that name counts also where none is needed. Throws a `Refusal`.
    private func person(
        _ outcome: KerberosLibrary.Outcome,
        _ typed: String
    ) async throws -> Person {
        guard !outcome.localName.isEmpty else {
            throw KerberosLibrary.Refusal(reason: "\(outcome.principal) is nobody here")
        }
        let account = try await store.account(named: outcome.localName)
        if account == nil, config.requireAccount { throw refusal(.unknownUser) }
        if let reason = account?.closed { throw refusal(reason) }
        let person = Person(
            name: outcome.localName,
            account: account,
            said: .init(outcome, at: config.kerberos.credentialCachePath)
        )
        let isAnyName = !config.requireAccount && !config.kerberos.enforceUsername
        guard isAnyName || person.mayLogIn(as: typed) else { throw refusal(.notAllowed) }
        guard let directory else { return person }
        guard let known = try await directory.completed(person) else {
            throw refusal(.notInDirectory)
        }
        return known
    }

    private func refusal(_ reason: Authority.Reason) -> KerberosLibrary.Refusal {
        KerberosLibrary.Refusal(reason: reason.rawValue)
    }

    private func accepted(
        _ person: Person,
        _ outcome: KerberosLibrary.Outcome,
        _ head: AuthRequestHead
    ) -> AuthResponse {
        var labels = labels(head)
        labels[LogLabel.authenticatedUsername] = .string(person.name)
        labels["principal"] = .string(outcome.principal)
        logger.emit(.authdAccepted, labels)
        var carried = person.carried
        if let account = person.account { carried.markFactor(of: account) }
        return AuthResponse(success: true, authenticatedUsername: person.name, carried: carried)
    }

    private func refused(_ head: AuthRequestHead, _ reason: String) -> AuthResponse {
        var labels = labels(head)
        labels[LogLabel.reason] = .string(reason)
        logger.emit(.authdRefused, labels)
        return AuthResponse(success: false)
    }

    private func labels(_ head: AuthRequestHead) -> Logger.Metadata {
        [
            LogLabel.connectionId: .string(head.connectionID),
            LogLabel.username: .string(head.username), "method": "gssapi",
        ]
    }
}

extension Person.Said {
    /// The principal's name, and its tickets where some came along.
    fileprivate init(_ outcome: KerberosLibrary.Outcome, at path: String) {
        metadata["KRB5_PRINCIPAL"] = MetadataValue(outcome.principal)
        guard !outcome.cache.isEmpty, !path.isEmpty else { return }
        let content = Data(outcome.cache).base64EncodedString()
        files[path] = BinaryMetadataValue(base64: content, sensitive: true)
        environment["KRB5CCNAME"] = MetadataValue("FILE:\(path)")
    }
}
