package import GatewayCore
package import Logging
package import SharedConfig
import SharedMessages

/// Another SSH server as the place where programs run.
///
/// Every connection here has one there, which libssh makes and a thread serves; sessions,
/// forwarded connections and listeners are channels of it.
package final class SSHProxyBackend: Backend {
    package static let name = "sshproxy"

    /// `tcp` for a target that cannot be reached, `handshake` for one that does not let us in.
    package static func failureKind(of error: any Error) -> String? {
        switch (error as? CodedError)?.code {
        case .sshproxyBackendFailed: "tcp"
        case .sshproxyBackendHandshakeFailed, .sshproxyInvalidFingerprint: "handshake"
        default: nil
        }
    }

    private let target: SSHProxyTarget
    private let logger: Logger

    /// Reads the private key, so it may block.
    ///
    /// - Throws: `CodedError` when that is not possible or it is none.
    package init(config: SSHProxyConfig, logger: Logger) throws {
        target = try SSHProxyTarget(config)
        self.logger = logger
    }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        let username = target.username(for: request.username)
        let connection = try FarConnection(target: target, username: username, logger: logger)
        try await connection.open(progress: progress)
        guard !Task.isCancelled else {
            await connection.close()
            throw CancellationError()
        }
        return SSHProxyWorkspace(connection: connection, request: request)
    }
}
