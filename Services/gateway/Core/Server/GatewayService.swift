package import Logging
package import NIOCore
import ServiceLifecycle
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
import SharedWaiting
import Synchronization

/// The SSH side of the gateway: listens from `run()` until the graceful shutdown of its task, or
/// until a successor has taken over, then lets the connections end.
package final class GatewayService: Service, CustomStringConvertible {
    package let description = "SSH server"
    private let server: SSHServer
    private let listeners: Listeners
    private let config: SSHConfig
    private let times: DrainTimes
    private let inherited: InheritedSockets
    private let logger: Logger
    private let bound = Latch<[String]>()
    private let handedOver = Latch<Void>()
    private let hurried = Latch<Void>()
    private let othersReady: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - setup: what connections are served with.
    ///   - config: where to listen, and how.
    ///   - inherited: sockets that this process was given.
    ///   - times: how long clients may finish.
    ///   - group: the event loops.
    ///   - disconnects: learns of connections that are refused before they get a handler.
    ///   - logger: of the service.
    ///   - othersReady: returns when the rest of the gateway works; nothing is accepted before.
    package init(
        setup: ServerSetup,
        config: SSHConfig,
        inherited: InheritedSockets = InheritedSockets(),
        times: DrainTimes,
        group: any EventLoopGroup,
        disconnects: DisconnectReport,
        logger: Logger,
        othersReady: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.config = config
        self.inherited = inherited
        self.times = times
        self.logger = logger
        self.othersReady = othersReady
        server = SSHServer(setup, group: group) { disconnects.emit($0) }
        listeners = Listeners(server: server, group: group, logger: logger)
    }

    /// Waits until the server accepts connections, and says where; throws what made `run()` fail.
    package func boundAddresses() async throws -> [String] { try await bound.value() }

    package func run() async throws {
        do {
            try await begin()
        } catch {
            let coded = error as? CodedError ?? CodedError(.sshStartFailed, cause: error)
            bound.settle(.failure(coded))
            throw coded
        }
        if inherited.connection != nil {
            await waitForConnections(.seconds(365 * 24 * 3600))
        } else {
            await first({ try? await gracefulShutdown() }, { try? await self.handedOver.value() })
        }
        if handedOver.isSettled {
            await listeners.close(keepingNames: true)
            await waitForConnections(times.afterRestart)
        }
        await drain()
    }

    private func begin() async throws {
        if let socket = inherited.connection {
            logger.emit(.gatewaySingleConnection)
            try await server.serve(socket)
            return bound.settle(.success([]))
        }
        let sockets = try inherited.open()
        let plan = try await listeners.prepare(config, inherited: sockets)
        let progress = inherited.progress.map(ProgressReport.init)
        progress?.send(.listening)
        try await othersReady()
        try await listeners.commit(plan)
        let addresses = await listeners.sockets.map { "\($0.socket.address.listener)" }
        logger.emit(.sshAvailable, ["listen": "\(addresses.joined(separator: ", "))"])
        bound.settle(.success(addresses))
        progress?.send(.accepting)
    }

    // MARK: - Changes

    /// Serves new connections as `setup` says, on the listeners of `config`; throws and changes
    /// nothing if one of those cannot be opened.
    package func reload(_ config: SSHConfig, _ setup: ServerSetup) async throws {
        let plan = try await listeners.prepare(config)
        server.setup = setup
        try await listeners.commit(plan)
    }

    /// The listening sockets, to be passed to a successor.
    func sockets() async -> [Listeners.Open] { await listeners.sockets }

    /// Accepts nothing more, as a successor does; connections go on until they end by themselves.
    func handOver() { handedOver.settle(.success(())) }

    /// Ends the connections that are waited for.
    package func hurry() { hurried.settle(.success(())) }

    // MARK: - The end

    /// Returns when none is left, after `time`, or when the gateway is to stop.
    private func waitForConnections(_ time: Duration) async {
        await first(
            { _ = await self.server.waitUntilEmpty(atMost: time) },
            { try? await gracefulShutdown() }
        )
    }

    private func drain() async {
        await listeners.close()
        let count = server.connectionCount
        if count > 0 {
            logger.emit(
                .gatewayDraining,
                ["connections": "\(count)", "time": .string(times.atStop.goText)]
            )
            let seconds = times.atStop.components.seconds
            let text = "The server is being stopped; this session ends in \(seconds) seconds."
            server.notify(personText(.gatewayDraining, text))
        }
        let time = times.atStop
        await first(
            { _ = await self.server.waitUntilEmpty(atMost: time) },
            { try? await self.hurried.value() }
        )
        let left = server.connectionCount
        if left > 0 { logger.emit(.gatewayShuttingDown, ["connections": "\(left)"]) }
        await server.shutdown(deadline: .zero, text: personText(.gatewayShuttingDown, nil))
    }
}

/// How long connections may go on when the gateway ends.
package struct DrainTimes: Sendable {
    /// After a graceful shutdown has begun.
    package var atStop: Duration
    /// After a successor has taken over.
    package var afterRestart: Duration

    package init(atStop: Duration, afterRestart: Duration) {
        self.atStop = atStop
        self.afterRestart = afterRestart
    }
}

/// Returns when one of two has ended; the other is cancelled.
private func first(
    _ one: @escaping @Sendable () async -> Void,
    _ other: @escaping @Sendable () async -> Void
) async {
    await withTaskGroup { group in
        group.addTask { await one() }
        group.addTask { await other() }
        await group.next()
        group.cancelAll()
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
