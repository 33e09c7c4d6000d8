import Glibc
import NIOCore

/// From an accepted socket to a connection.
extension SSHServer {
    /// Reading from a client pauses while more than this waits to be sent to it, and goes on when
    /// it is less than the lower mark.
    private static let writeMarks = ChannelOptions.Types.WriteBufferWaterMark(
        low: 64 * 1024,
        high: 256 * 1024
    )
    /// Between two attempts to accept after descriptors or memory ran out.
    private static let acceptPauseTime = TimeAmount.seconds(1)

    /// Waits for what says where the connection comes from, if something may, then admits it.
    func take(_ socket: any Channel, _ listener: RemoteClient.Listener, isTCP: Bool) throws {
        try configure(socket, isTCP: isTCP)
        let setup = setup
        let peer = RemoteClient(socket.remoteAddress, listener)
        guard let policy = setup.proxyHeaders, peer.isUnix || policy.isTrusted(peer.host) else {
            return try takeDirect(socket, peer, setup)
        }
        registry.arrived()
        let settled = OnceOnly { [registry] in registry.settled() }
        socket.closeFuture.assumeIsolated().whenComplete { _ in settled.perform() }
        let handler = ProxyHeaderHandler(
            isRequired: policy.isRequired,
            timeout: TimeAmount(policy.timeout)
        ) { [self] outcome in
            // From here on the registry has the connection itself.
            defer { settled.perform() }
            self.settle(socket, peer, setup, outcome)
        }
        try socket.pipeline.syncOperations.addHandler(handler)
    }

    private func settle(
        _ socket: any Channel,
        _ peer: RemoteClient,
        _ setup: ServerSetup,
        _ outcome: ProxyHeaderHandler.Outcome
    ) {
        do {
            switch outcome {
            case .success(nil), .success(.proxyItself): try admit(socket, peer, setup)
            case .success(.client(let host, let port)):
                try admit(socket, peer.standing(for: host, port), setup)
            case .success(.localClient):
                try admit(socket, peer.standing(for: RemoteClient.unixHost, 0), setup)
            case .failure(let problem): try refuse(socket, peer, setup, problem)
            }
        } catch {
            // The pipeline takes no handler only when the socket has just been closed.
            socket.close(promise: nil)
        }
    }

    /// A connection that no proxy passes on.
    private func takeDirect(
        _ socket: any Channel,
        _ peer: RemoteClient,
        _ setup: ServerSetup
    ) throws {
        guard setup.proxyHeaders?.isRequired != true else {
            return try refuse(socket, peer, setup, .missing)
        }
        let watcher = ProxyHeaderWatcher { [onEvent] in
            onEvent(.proxyHeaderRefused(peer, .untrusted))
            // Our identification has gone out already, but the other side speaks no SSH yet.
            socket.close(promise: nil)
        }
        try socket.pipeline.syncOperations.addHandler(watcher)
        try admit(socket, peer, setup)
    }

    private func refuse(
        _ socket: any Channel,
        _ peer: RemoteClient,
        _ setup: ServerSetup,
        _ problem: ProxyHeaderProblem
    ) throws {
        onEvent(.proxyHeaderRefused(peer, problem))
        let refusal = ServerRefusal(reason: .hostNotAllowedToConnect, text: "\(problem).")
        try refuse(socket, peer, setup, refusal)
    }

    private func refuse(
        _ socket: any Channel,
        _ client: RemoteClient,
        _ setup: ServerSetup,
        _ refusal: ServerRefusal
    ) throws {
        onEvent(.refused(client, refusal))
        let handler = RefusalHandler(setup.settings.transport, refusal)
        try socket.pipeline.syncOperations.addHandler(handler)
    }

    private func admit(
        _ socket: any Channel,
        _ client: RemoteClient,
        _ setup: ServerSetup
    ) throws {
        switch setup.gate.admit(client) {
        case .admitted(let release): try serve(socket, client, setup, release)
        case .refused(let refusal): try refuse(socket, client, setup, refusal)
        case .dropped: socket.close(promise: nil)
        }
    }

    private func serve(
        _ socket: any Channel,
        _ client: RemoteClient,
        _ setup: ServerSetup,
        _ release: @escaping @Sendable () -> Void
    ) throws {
        let connection = ServerConnection(
            socket: socket,
            remote: client,
            settings: setup.settings,
            factory: setup.handlerFactory,
            onEnd: { [registry] connection in
                release()
                // Last: whoever waits for the last connection finds nothing of it any more.
                registry.remove(connection)
            }
        )
        guard registry.add(connection) else {
            release()
            onEvent(.full(client))
            let text = "Too many connections."
            let refusal = ServerRefusal(reason: .tooManyConnections, text: text)
            return try refuse(socket, client, setup, refusal)
        }
        try socket.pipeline.syncOperations.addHandler(SocketHandler(connection))
        socket.closeFuture.whenComplete { _ in
            connection.assumeIsolated { $0.socketClosed(nil) }
        }
    }

    // MARK: - Sockets

    private func configure(_ socket: any Channel, isTCP: Bool) throws {
        guard let options = socket.syncOptions else { return }
        try options.setOption(.writeBufferWaterMark, value: Self.writeMarks)
        try options.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(
                minimum: 512,
                initial: 2048,
                maximum: 128 * 1024
            )
        )
        guard isTCP else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(.socketOption(.so_keepalive), value: 1)
    }

    /// Has a listening socket rest for a moment when the process or the system has no descriptor
    /// left for another connection; clients wait in its queue meanwhile (accept(2)).
    func acceptPause(_ channel: any Channel) -> AcceptBackoffHandler {
        AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { [onEvent] error in
            switch error.errnoCode {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                onEvent(.acceptPaused(.init(channel.localAddress), error: "\(error)"))
                return Self.acceptPauseTime
            default:
                // Of one connection only, for example that its client has gone already.
                return nil
            }
        }
    }
}

extension RemoteClient {
    init(_ address: SocketAddress?, _ listener: Listener) {
        let isUnix = listener.host.hasPrefix("/")
        self.init(
            host: isUnix ? Self.unixHost : address?.plainHost ?? "",
            port: isUnix ? 0 : address?.port ?? 0,
            listener: listener
        )
    }

    fileprivate var isUnix: Bool { host == Self.unixHost }

    /// The client that this peer, a proxy, passes on.
    fileprivate func standing(for host: String, _ port: Int) -> Self {
        RemoteClient(host: host, port: port, listener: listener, proxy: self.host)
    }
}

/// Something that happens at most once, always on one event loop.
private final class OnceOnly {
    private var body: (() -> Void)?

    init(_ body: @escaping () -> Void) {
        self.body = body
    }

    func perform() {
        body?()
        body = nil
    }
}
