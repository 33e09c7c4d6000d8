import Foundation
package import Logging
import NIOPosix
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedModels
import Synchronization

/// Decides Kerberos logins: takes clients' tickets, and checks passwords with the KDC.
///
/// The keytab stays here; gateways only pass tokens on. Who a principal is says krb5.conf(5), by its
/// rules for local names.
package final class KerberosAuthority: Sendable {
    private let store: UserStore
    private let config: AuthdKerberosConfig
    private let passwordAlone: Bool
    private let logger: Logger
    private let negotiations = KerberosNegotiations()
    private let pool: NIOThreadPool
    private let underWay = Mutex(0)

    /// Calls of the library at a time; a KDC that does not answer holds one for many seconds.
    private static let threads = 8
    private static let most = 256

    /// Looks into the keytab, and so blocks. Throws `AUTHD_KERBEROS_FAILED` for one that cannot be
    /// used. `passwordAlone` lets users with a second factor use the password without it.
    package init(
        store: UserStore,
        config: AuthdKerberosConfig,
        passwordAlone: Bool = false,
        logger: Logger
    ) throws {
        self.store = store
        self.config = config
        self.passwordAlone = passwordAlone
        self.logger = logger
        let path = config.kerberos.configPath
        if !path.isEmpty, FileManager.default.fileExists(atPath: path) {
            try KerberosLibrary.use(configuration: path)
        }
        try KerberosLibrary.check(keytab: config.kerberos.keytab)
        pool = NIOThreadPool(numberOfThreads: Self.threads)
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// As the log names it.
    private enum Method: String {
        case ticket = "gssapi"
        case password
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
            return .verdict(refused(request.head, refusal.reason, .ticket))
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
        let outcome = try await run { [context = negotiation.context] in
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
        try await run { [context = negotiation.context] in
            try context.verify(mic, over: signed)
        }
        return try await verdict(outcome, head, .ticket)
    }

    // MARK: - Passwords

    /// Whether authd checks passwords with the KDC instead of the store.
    package var checksPasswords: Bool { config.passwords }

    /// Throws as `answer(_:)` does.
    package func answer(
        _ password: [UInt8],
        _ head: AuthRequestHead
    ) async throws -> AuthResponse {
        let name = head.username
        // Neither another realm's principal nor an instance such as `ann/admin`.
        guard !name.isEmpty, !name.contains(where: { "@/\\".contains($0) || $0.isWhitespace })
        else {
            return refused(head, "a name that no principal of the realm has", .password)
        }
        let kerberos = config.kerberos
        do {
            let outcome = try await run {
                try KerberosLibrary.check(password, of: name, kerberos.keytab, kerberos.acceptor)
            }
            return try await verdict(outcome, head, .password)
        } catch let refusal as KerberosLibrary.Refusal {
            return refused(head, refusal.reason, .password)
        }
    }

    // MARK: - Who it is

    private func verdict(
        _ outcome: KerberosLibrary.Outcome,
        _ head: AuthRequestHead,
        _ method: Method
    ) async throws -> AuthResponse {
        guard !outcome.localName.isEmpty else {
            return refused(head, "\(outcome.principal) is nobody here", method)
        }
        var carried = ConnectionMetadata()
        if config.requireAccount {
            guard let account = try await store.account(named: outcome.localName) else {
                return refused(head, "unknown user", method)
            }
            let now = Int(Date.now.timeIntervalSince1970)
            guard !account.isDisabled, !account.hasExpired(at: now) else {
                return refused(head, "user is disabled or has expired", method)
            }
            guard account.mayLogIn(as: head.username) else {
                return refused(head, "not allowed under this name", method)
            }
            guard method == .ticket || passwordAlone || !account.hasSecondFactor else {
                return refused(head, "password without the second factor", method)
            }
            carried = account.carried
            carried.markFactor(of: account)
        } else if config.kerberos.enforceUsername, outcome.localName != head.username {
            return refused(head, "not allowed under this name", method)
        }
        carried.add(outcome, at: config.kerberos.credentialCachePath)
        var labels = labels(head, method)
        labels[LogLabel.authenticatedUsername] = .string(outcome.localName)
        labels["principal"] = .string(outcome.principal)
        logger.emit(.authdAccepted, labels)
        return AuthResponse(
            success: true,
            authenticatedUsername: outcome.localName,
            carried: carried
        )
    }

    private func refused(
        _ head: AuthRequestHead,
        _ reason: String,
        _ method: Method
    ) -> AuthResponse {
        var labels = labels(head, method)
        labels[LogLabel.reason] = .string(reason)
        logger.emit(.authdRefused, labels)
        return AuthResponse(success: false)
    }

    private func labels(_ head: AuthRequestHead, _ method: Method) -> Logger.Metadata {
        [
            LogLabel.connectionId: .string(head.connectionID),
            LogLabel.username: .string(head.username), "method": .string(method.rawValue),
        ]
    }

    // MARK: - Threads

    private func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let hasRoom = underWay.withLock { count in
            guard count < Self.most else { return false }
            count += 1
            return true
        }
        guard hasRoom else { throw CodedError(.authdBusy, isRetryable: true) }
        defer { underWay.withLock { $0 -= 1 } }
        return try await pool.runIfActive(work)
    }
}

extension ConnectionMetadata {
    /// The principal's name, and its tickets where some came along.
    fileprivate mutating func add(_ outcome: KerberosLibrary.Outcome, at path: String) {
        metadata["KRB5_PRINCIPAL"] = MetadataValue(outcome.principal)
        guard !outcome.cache.isEmpty, !path.isEmpty else { return }
        let content = Data(outcome.cache).base64EncodedString()
        files[path] = BinaryMetadataValue(base64: content, sensitive: true)
        environment["KRB5CCNAME"] = MetadataValue("FILE:\(path)")
    }
}
