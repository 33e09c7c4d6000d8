package import NIOCore
import NIOPosix
import Synchronization

/// An SSH server: listens, and gives every connection a handler.
///
/// `start()` binds; `shutdown` ends everything. A server cannot be started again.
package final class SSHServer: Sendable {
    private let settings: SSHServerSettings
    private let group: any EventLoopGroup
    private let factory: ServerHandlerFactory
    private let onFull: @Sendable (RemoteClient) -> Void
    private let registry: ConnectionRegistry
    private let listener = Mutex<(any Channel)?>(nil)

    /// The backlog of connections that are not accepted yet; the kernel cuts it to `somaxconn`.
    private static let backlog: Int32 = 1024
    /// Reading from a client pauses while more than this waits to be sent to it, and goes on when
    /// it is less than the lower mark.
    private static let writeMarks = ChannelOptions.Types.WriteBufferWaterMark(
        low: 64 * 1024,
        high: 256 * 1024
    )
    /// How long the handlers of connections that had to be ended may take to notice.
    private static let cleanupTime = Duration.seconds(10)

    /// `onFull` learns on an event loop of each client that is refused because there are
    /// `maximumConnections` already; such a connection gets no handler.
    package init(
        settings: SSHServerSettings,
        group: any EventLoopGroup,
        onFull: @escaping @Sendable (RemoteClient) -> Void = { _ in },
        handlerFactory: @escaping ServerHandlerFactory
    ) {
        self.settings = settings
        self.onFull = onFull
        self.group = group
        factory = handlerFactory
        registry = ConnectionRegistry(limit: settings.maximumConnections)
    }

    /// Connections whose handlers have not been told of their end yet.
    package var connectionCount: Int { registry.count }

    /// Where the server listens; `nil` before `start` and after `shutdown`.
    package var boundAddress: SocketAddress? {
        listener.withLock { $0?.localAddress }
    }

    /// Listens on `host`, an IP address or a name, and `port`, 0 for any.
    ///
    /// Returns once connections are accepted.
    package func start(host: String, port: Int) async throws {
        let channel = try await bootstrap.bind(host: host, port: port).get()
        listener.withLock { $0 = channel }
    }

    /// Stops accepting, waits until `deadline` has passed for clients to leave by themselves,
    /// then sends the rest DISCONNECT with reason 11 and `text`.
    ///
    /// Returns when every handler has been told of the end of its connection, or has taken 10
    /// seconds longer than that.
    package func shutdown(deadline: Duration, text: String) async {
        await stopAccepting()
        guard await !registry.waitUntilEmpty(atMost: deadline, on: group.next()) else { return }
        for connection in registry.all {
            connection.disconnect(ServerRefusal(reason: .byApplication, text: text))
        }
        _ = await registry.waitUntilEmpty(atMost: Self.cleanupTime, on: group.next())
    }

    /// Closes the listening socket; connections go on.
    package func stopAccepting() async {
        let channel = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        // A listener that is closed already is what we want.
        try? await channel?.close()
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: Self.writeMarks)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 512,
                    initial: 2048,
                    maximum: 128 * 1024
                )
            )
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
    }

    private func accept(_ socket: any Channel) throws {
        let remote = RemoteClient(socket.remoteAddress)
        let connection = ServerConnection(
            socket: socket,
            remote: remote,
            settings: settings,
            factory: factory,
            onEnd: { [registry] in registry.remove($0) }
        )
        guard registry.add(connection) else {
            onFull(remote)
            try socket.pipeline.syncOperations.addHandler(FullServerHandler(settings.transport))
            return
        }
        try socket.pipeline.syncOperations.addHandler(SocketHandler(connection))
        socket.closeFuture.whenComplete { _ in
            connection.assumeIsolated { $0.socketClosed(nil) }
        }
    }
}

extension RemoteClient {
    fileprivate init(_ address: SocketAddress?) {
        self.init(host: address?.ipAddress ?? "", port: address?.port ?? 0)
    }
}
