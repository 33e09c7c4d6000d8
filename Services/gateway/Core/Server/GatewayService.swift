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
    private let listeners: Listeners
    private let config: SSHConfig
    private let inherited: InheritedSockets
    private let drainTime: Duration
    private let logger: Logger
    private let bound = BoundAddress()

    /// - Parameters:
    ///   - setup: what connections are served with.
    ///   - config: where to listen, and how.
    ///   - inherited: sockets that this process was given.
    ///   - drainTime: how long clients may finish after a graceful shutdown has begun.
    ///   - group: the event loops.
    ///   - disconnects: learns of connections that are refused before they get a handler.
    ///   - logger: of the service.
    package init(
        setup: ServerSetup,
        config: SSHConfig,
        inherited: InheritedSockets,
        drainTime: Duration,
        group: any EventLoopGroup,
        disconnects: DisconnectReport,
        logger: Logger
    ) {
        self.config = config
        self.inherited = inherited
        self.drainTime = drainTime
        self.logger = logger
        server = SSHServer(setup, group: group) { disconnects.emit($0) }
        listeners = Listeners(server: server, group: group, logger: logger)
    }

    /// Waits until the server accepts connections, and says where; throws what made `run()` fail.
    package func boundAddresses() async throws -> [String] { try await bound.addresses() }

    package func run() async throws {
        do {
            let plan = try await listeners.prepare(config, inherited: try inherited.open())
            try await listeners.commit(plan)
        } catch {
            let coded = error as? CodedError ?? CodedError(.sshStartFailed, cause: error)
            bound.fail(coded)
            throw coded
        }
        let addresses = await listeners.sockets.map { "\($0.socket.address.listener)" }
        logger.emit(.sshAvailable, ["listen": "\(addresses.joined(separator: ", "))"])
        bound.succeed(addresses)
        // Ends without an error when the task is told to shut down, or is cancelled.
        try? await gracefulShutdown()
        await listeners.close()
        await server.shutdown(
            deadline: drainTime,
            text: personText(.gatewayShuttingDown, nil)
        )
    }
}

extension DisconnectReport {
    /// Logs what happens while connections are accepted.
    fileprivate func emit(_ event: ServerEvent) {
        switch event {
        case .refused(let client, let refusal):
            report(Disconnect(refusal), ["remoteAddr": "\(client.host)"])
        case .full(let client):
            logger.emit(.gatewayConnectionLimit, ["remoteAddr": "\(client.host)"])
        case .proxyHeaderRefused(let client, let problem):
            logger.emit(
                .gatewayProxyHeaderRefused,
                ["remoteAddr": "\(client.host)", "reason": "\(problem)"]
            )
        case .acceptPaused(let listener, let error):
            logger.emit(.gatewayAcceptPaused, ["listen": "\(listener)", "reason": "\(error)"])
        }
    }
}

/// Addresses that become known, or not.
private final class BoundAddress: Sendable {
    private let result = Mutex<Result<[String], any Error>?>(nil)
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init() { (changes, changed) = AsyncStream.makeStream() }

    func succeed(_ addresses: [String]) { set(.success(addresses)) }

    func fail(_ error: any Error) { set(.failure(error)) }

    func addresses() async throws -> [String] {
        for await _ in changes {}
        guard let result = result.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }

    private func set(_ value: Result<[String], any Error>) {
        result.withLock { $0 = value }
        changed.finish()
    }
}
