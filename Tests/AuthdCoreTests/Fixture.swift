import AuthClient
import Foundation
import InMemoryLogging
import Logging
import ServiceLifecycle
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

/// An authd without its process: a database of its own and the cheapest hashes.
struct Fixture {
    let folder: URL
    let store: UserStore
    let hasher: PasswordHasher
    let log = InMemoryLogHandler()

    static func run<Result>(_ body: (Fixture) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-authd-\(UUID().uuidString.prefix(8))")
        defer { try? FileManager.default.removeItem(at: folder) }  // leftovers harm nobody
        return try await body(try Fixture(folder))
    }

    private init(_ folder: URL) throws {
        self.folder = folder
        store = try UserStore(path: folder.appending(path: "users.sqlite").path)
        hasher = try PasswordHasher(cost: 1)
    }

    var logger: Logger {
        var logger = Logger(label: "auth") { [log] _ in log }
        logger.logLevel = .debug
        return logger
    }

    var passwords: PasswordSources { PasswordSources(store: store, hasher: hasher) }

    var authority: Authority { Authority(passwords, logger: logger) }

    func conversation() async throws -> Conversation {
        try await Conversation(passwords, config: .init(), logger: logger)
    }

    func issuer(_ config: AuthdCertificatesConfig = .init()) -> CertificateIssuer {
        CertificateIssuer(store: store, config: config, logger: logger)
    }

    var administrator: UserAdministrator {
        UserAdministrator(store: store, hasher: hasher, logger: logger)
    }

    /// Every log line with its metadata.
    var logText: String {
        log.entries.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
    }

    /// Serves webhook and administration on one Unix socket while `body` runs; with `limits`, which
    /// are for addresses, on a port of this machine.
    func serve<Result>(
        token: Secret = Secret(),
        limits: LimitsConfig? = nil,
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let health = HealthRegistry()
        let shared = SharedLimits(limits ?? LimitsConfig(), logger: logger)
        let router = HTTPService.makeRouter(health: health, logger: logger)
        AdminGate(store: store, token: token).add(to: router)
        WebhookRoutes(authority, try await conversation()).add(to: router)
        UserAdminRoutes(administrator).add(to: router)
        AuthorityAdminRoutes(issuer()).add(to: router)
        LoginRoutes(
            try await conversation(),
            issuer(),
            limits: shared,
            sources: limits ?? LimitsConfig(),
            logger: logger
        ).add(to: router)
        PenaltyRoutes(shared).add(to: router)
        let path = folder.appending(path: "s").path
        let port = ListenAddress.tcp(host: "127.0.0.1", port: 0)
        let service = try HTTPService(
            "test",
            HTTPServerOptions(listen: limits == nil ? .unix(path: path) : port),
            router: router,
            logger: logger
        )
        let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let bound = try await service.boundAddress()
            let url = limits == nil ? "unix://" + path : "http://\(bound)"
            let result = try await body(url)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }
}

/// Keys that ssh-keygen made; their private halves are gone.
enum Keys {
    static let first =
        "ssh-ed25519 " + "AAAAC3NzaC1lZDI1NTE5AAAAIIjinMzkpn+5d762OpdYWrUzGK6XPO/3Xa8j"
        + "D1IXKd2Z one@host"
    static let second =
        "ssh-ed25519 " + "AAAAC3NzaC1lZDI1NTE5AAAAIHCVl/E5m37eeT87zyk1WPy95j+62XXBLj1F"
        + "2+qtSvww two@host"
    static let ecdsa =
        "ecdsa-sha2-nistp256 " + "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCwvQhql"
        + "PPewfs4k6OOU10WiMqErAreWQn9jPODU92wTe0ZSRjqD+Zx8SjVb7o4MmCn2UMLcFiDuSNg/Y7q2o+0= three@host"
    /// As `ssh-keygen -l` prints it for `first`.
    static let firstFingerprint = "SHA256:fyiQ4ws7KC3WYHsNzw62y9I0FCrdZnclPbo9xKW9hIg"
}

func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

func request(_ username: String, _ question: AuthQuestion) -> AuthRequest {
    AuthRequest(
        head: AuthRequestHead(
            remoteAddress: "127.0.0.1:1",
            connectionID: "c0ffee",
            clientVersion: "SSH-2.0-Test",
            username: username
        ),
        question: question
    )
}

/// The message code that `body` fails with; `nil` when it does not or fails with something else.
func code(_ body: () async throws -> some Any) async -> MessageCode? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? CodedError)?.code
    }
}
