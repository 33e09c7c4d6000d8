import BackendConformance
import Foundation
import GatewayCore
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SSHTarget
import SharedConfig
import SharedModels
import Testing

@testable import SSHProxyBackend

/// A backend in front of an SSH server.
struct ProxyFixture {
    let backend: SSHProxyBackend
    let log: InMemoryLogHandler

    static let reason = Comment(rawValue: SSHTarget.reason)

    init(_ config: SSHProxyConfig) throws {
        let log = InMemoryLogHandler()
        self.log = log
        var logger = Logger(label: "sshproxy-tests") { _ in log }
        logger.logLevel = .trace
        backend = try SSHProxyBackend(config: config, logger: logger)
    }

    init(
        _ target: SSHTarget,
        _ change: (inout SSHProxyConfig) -> Void = { _ in }
    ) throws {
        try self.init(Self.config(target, change))
    }

    static func config(
        _ target: SSHTarget,
        _ change: (inout SSHProxyConfig) -> Void = { _ in }
    ) -> SSHProxyConfig {
        var config = SSHProxyConfig()
        config.server = "127.0.0.1"
        config.port = target.port
        config.username = SSHTarget.username
        config.privateKey = PEMSource(target.userKey)
        config.allowedHostKeyFingerprints = [target.fingerprint]
        config.timeout = .seconds(20)
        change(&config)
        return config
    }

    /// The codes logged so far.
    var codes: [String] {
        log.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
    }

    func request(
        _ id: String = ConformanceSubject.newConnectionID(),
        username: String = "tester"
    ) -> WorkspaceRequest {
        WorkspaceRequest(
            connectionID: id,
            username: username,
            authenticatedUsername: username,
            remoteAddress: "192.0.2.7",
            carried: ConnectionMetadata(),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        )
    }

    /// Opens a workspace for the time of `body`.
    func withWorkspace<Value: Sendable>(
        username: String = "tester",
        _ body: (any Workspace) async throws -> Value
    ) async throws -> Value {
        let workspace = try await open(username: username)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(workspace))
        } catch {
            result = .failure(error)
        }
        await workspace.close()
        return try result.get()
    }

    func open(username: String = "tester") async throws -> any Workspace {
        try await backend.openWorkspace(request(username: username)) { _ in }
    }
}
