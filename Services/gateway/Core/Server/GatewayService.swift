package import Logging
package import NIOCore
import ServiceLifecycle
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
import Synchronization

/// The SSH side of the gateway: listens from `run()` until the graceful shutdown of its task, then
/// lets the connections end until the deadline.
package final class GatewayService: Service, CustomStringConvertible {
    package let description = "SSH server"
    private let server: SSHServer
    private let listen: ListenAddress
    private let drainTime: Duration
    private let logger: Logger
    private let bound = BoundAddress()

    /// - Parameters:
    ///   - settings: how SSH is spoken.
    ///   - listen: a TCP address; port 0 for any.
    ///   - drainTime: how long clients may finish after a graceful shutdown has begun.
    ///   - group: the event loops.
    ///   - factory: makes the layers of each connection.
    ///   - logger: of the service.
    package init(
        settings: SSHServerSettings,
        listen: ListenAddress,
        drainTime: Duration,
        group: any EventLoopGroup,
        factory: ConnectionFactory,
        logger: Logger
    ) {
        self.listen = listen
        self.drainTime = drainTime
        self.logger = logger
        server = SSHServer(
            settings: settings,
            group: group,
            onFull: { client in
                logger.emit(.gatewayConnectionLimit, ["remoteAddr": "\(client.host)"])
            },
            handlerFactory: { client, control, loop in
                factory.handler(for: client, control: control, on: loop)
            }
        )
    }

    /// Waits until the server accepts connections, and says on which port; throws what made
    /// `run()` fail.
    package func boundPort() async throws -> Int { try await bound.port() }

    package func run() async throws {
        guard case .tcp(let host, let port) = listen else {
            throw fail(CodedError(.sshStartFailed, detail: "ssh.listen must be host:port"))
        }
        do {
            try await server.start(host: host, port: port)
        } catch {
            throw fail(CodedError(.sshStartFailed, detail: "\(host):\(port)", cause: error))
        }
        let actual = server.boundAddress?.port ?? port
        logger.emit(.sshAvailable, ["listen": "\(host):\(actual)"])
        bound.succeed(actual)
        // Ends without an error when the task is told to shut down, or is cancelled.
        try? await gracefulShutdown()
        await server.shutdown(
            deadline: drainTime,
            text: personText(.gatewayShuttingDown, nil)
        )
    }

    private func fail(_ error: CodedError) -> CodedError {
        bound.fail(error)
        return error
    }
}

/// A port that becomes known, or not.
private final class BoundAddress: Sendable {
    private let result = Mutex<Result<Int, any Error>?>(nil)
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init() { (changes, changed) = AsyncStream.makeStream() }

    func succeed(_ port: Int) { set(.success(port)) }

    func fail(_ error: any Error) { set(.failure(error)) }

    func port() async throws -> Int {
        for await _ in changes {}
        guard let result = result.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }

    private func set(_ value: Result<Int, any Error>) {
        result.withLock { $0 = value }
        changed.finish()
    }
}
