package import NIOCore
import NIOPosix
import Synchronization

/// An SSH server: accepts from any number of sockets, and gives every connection a handler.
///
/// `start` or `accept` begin; `shutdown` ends everything, for good.
package final class SSHServer: Sendable {
    private let group: any EventLoopGroup
    let onEvent: @Sendable (ServerEvent) -> Void
    let registry: ConnectionRegistry
    private let current: Mutex<ServerSetup>
    private let acceptors = Mutex<[UInt64: Acceptor]>([:])
    private let lastID = Atomic<UInt64>(0)

    /// How long the handlers of connections that had to be ended may take to notice.
    private static let cleanupTime = Duration.seconds(10)

    /// One socket of a server, to stop accepting from it.
    package struct AcceptorID: Sendable, Hashable {
        fileprivate let number: UInt64
    }

    package init(
        _ setup: ServerSetup,
        group: any EventLoopGroup,
        onEvent: @escaping @Sendable (ServerEvent) -> Void = { _ in }
    ) {
        self.group = group
        self.onEvent = onEvent
        current = Mutex(setup)
        registry = ConnectionRegistry(limit: setup.settings.maximumConnections)
    }

    package convenience init(
        settings: SSHServerSettings,
        group: any EventLoopGroup,
        gate: any ConnectionGate = OpenGate(),
        handlerFactory: @escaping ServerHandlerFactory
    ) {
        let setup = ServerSetup(settings: settings, gate: gate, handlerFactory: handlerFactory)
        self.init(setup, group: group)
    }

    /// What the next connection is served with. Those that are open keep what they began with.
    package var setup: ServerSetup {
        get { current.withLock { $0 } }
        set {
            current.withLock { $0 = newValue }
            registry.setLimit(newValue.settings.maximumConnections)
        }
    }

    /// Connections whose handlers have not been told of their end yet, and those of which it is
    /// not yet known where they come from.
    package var connectionCount: Int { registry.count }

    /// Where the server listens; `nil` before `start` and after `shutdown`. With several sockets
    /// that of the first.
    package var boundAddress: SocketAddress? {
        acceptors.withLock { $0.min { $0.key < $1.key }?.value.address }
    }

    // MARK: - Accepting

    /// Listens on `host`, an IP address or a name, and `port`, 0 for any.
    ///
    /// Returns once connections are accepted.
    package func start(host: String, port: Int) async throws {
        let bootstrap = bootstrap(group, isTCP: true)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        keep(try await bootstrap.bind(host: host, port: port).get(), loops: loops)
    }

    /// Accepts from a socket that listens already, which the server closes in the end.
    ///
    /// With a `loop` its connections stay on that loop: for one of several sockets with the same
    /// address (SO_REUSEPORT, socket(7)). Returns once connections are accepted.
    @discardableResult
    package func accept(
        from descriptor: CInt,
        isUnix: Bool,
        on loop: (any EventLoop)? = nil
    ) async throws -> AcceptorID {
        let channel = try await bootstrap(loop ?? group, isTCP: !isUnix)
            .withBoundSocket(descriptor).get()
        return keep(channel, loops: loop.map { [$0] } ?? loops)
    }

    /// Serves one connected socket, which the server closes in the end, as if it had been accepted.
    package func serve(_ descriptor: CInt) async throws {
        let isUnix = try SocketAddress(localOf: descriptor).protocol == .unix
        let bootstrap = ClientBootstrap(group: group).channelInitializer { [self] channel in
            channel.eventLoop.makeCompletedFuture {
                try self.take(channel, .init(channel.localAddress), isTCP: !isUnix)
            }
        }
        _ = try await bootstrap.withConnectedSocket(descriptor).get()
    }

    /// Stops accepting from one socket; connections go on.
    package func stopAccepting(from id: AcceptorID) async {
        await acceptors.withLock { $0.removeValue(forKey: id.number) }?.stop()
    }

    /// Stops accepting; connections go on.
    package func stopAccepting() async {
        let all = acceptors.withLock { acceptors in
            defer { acceptors = [:] }
            return acceptors.values
        }
        for acceptor in all { await acceptor.stop() }
    }

    // MARK: - Ending

    /// Writes a line to every session that has a terminal.
    package func notify(_ text: String) {
        for connection in registry.all { connection.notify(text) }
    }

    /// Waits until no connection is left, at most for `time`, or until the task is cancelled;
    /// whether none is left.
    package func waitUntilEmpty(atMost time: Duration) async -> Bool {
        await registry.waitUntilEmpty(atMost: time, on: group.next(), endsOnCancellation: true)
    }

    /// Stops accepting, waits until `deadline` has passed for clients to leave by themselves,
    /// then sends the rest DISCONNECT with reason 11 and `text`.
    ///
    /// Returns when every handler has been told of the end of its connection, or has taken 10
    /// seconds longer than that.
    package func shutdown(deadline: Duration, text: String) async {
        await stopAccepting()
        guard await !waitUntilEmpty(atMost: deadline) else { return }
        for connection in registry.all {
            connection.disconnect(ServerRefusal(reason: .byApplication, text: text))
        }
        _ = await registry.waitUntilEmpty(
            atMost: Self.cleanupTime,
            on: group.next(),
            endsOnCancellation: false
        )
    }

    // MARK: - Sockets

    private var loops: [any EventLoop] { Array(group.makeIterator()) }

    @discardableResult
    private func keep(_ channel: any Channel, loops: [any EventLoop]) -> AcceptorID {
        let number = lastID.add(1, ordering: .relaxed).newValue
        acceptors.withLock { $0[number] = Acceptor(channel, loops: loops) }
        return AcceptorID(number: number)
    }

    private func bootstrap(_ group: any EventLoopGroup, isTCP: Bool) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(self.acceptPause(channel))
                }
            }
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let listener = RemoteClient.Listener(channel.parent?.localAddress)
                    try self.take(channel, listener, isTCP: isTCP)
                }
            }
    }
}
