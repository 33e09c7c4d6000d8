import Glibc
package import NIOCore
import NIOPosix
package import SharedWaiting
import Synchronization

/// A socket of this machine at which one agent calls, so that its bytes need not go through the
/// engine that runs its container.
///
/// It takes one connection, then its name is gone. Nobody finds it before: the name is not the one
/// under which the kernel lists it (/proc/net/unix), and its folder cannot be read.
package final class AgentSocket: Sendable {
    package let path: String
    /// Settled by the agent's connection, or by `close()`.
    package let connected = Latch<PipeTransport>()
    private let state = Mutex(State())

    private struct State {
        var listener: (any Channel)?
        /// A connection has come.
        var isTaken = false
        var isClosed = false
        var transport: PipeTransport?
    }

    private static let sendBuffer = 1 << 20

    /// Listens in a folder, which exists; the connection lives on `loop`.
    package static func open(in folder: String, on loop: any EventLoop) async throws -> AgentSocket
    {
        let socket = AgentSocket(folder)
        let descriptor = try await NIOThreadPool.singleton.runIfActive { try socket.bind(folder) }
        do {
            let channel = try await ServerBootstrap(group: loop)
                .serverChannelOption(.backlog, value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.recvAllocator, value: PipeTransport.allocator)
                .childChannelOption(.socketOption(.so_sndbuf), value: sendBuffer)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try socket.accepted(channel) }
                }
                .withBoundSocket(descriptor).get()
            socket.state.withLock { $0.listener = channel }
            // It may have called meanwhile.
            if socket.connected.isSettled { socket.stopListening() }
            return socket
        } catch {
            socket.removeName()
            throw error
        }
    }

    private init(_ folder: String) { path = folder + "/" + Self.randomName() }

    deinit { removeName() }

    /// The agent's connection, if it has called.
    package var transport: PipeTransport? { state.withLock(\.transport) }

    /// Nobody can call any more, and a connection that was made ends. Harmless when repeated.
    package func close() async {
        let transport = state.withLock { state in
            state.isClosed = true
            return state.transport
        }
        stopListening()
        connected.settle(.failure(ChannelError.alreadyClosed))
        await transport?.close()
    }

    private func accepted(_ channel: any Channel) throws {
        let isFirst = state.withLock { state in
            defer { state.isTaken = true }
            return !state.isTaken && !state.isClosed
        }
        guard isFirst else { throw ChannelError.operationUnsupported }
        let queue = PipeQueue(on: channel.eventLoop)
        queue.attach(channel)
        try channel.pipeline.syncOperations.addHandler(PipeHandler(queue))
        let transport = PipeTransport(channel: channel, queue: queue)
        // Then it is active; closing the listener earlier would close it, too.
        channel.eventLoop.execute { [self] in took(transport, channel) }
    }

    private func took(_ transport: PipeTransport, _ channel: any Channel) {
        let isWanted = state.withLock { state in
            if !state.isClosed { state.transport = transport }
            return !state.isClosed
        }
        guard isWanted else { return channel.close(promise: nil) }
        // Gone before anybody learns of the connection. The listener may not be known yet.
        removeName()
        connected.settle(.success(transport))
        stopListening()
    }

    private func stopListening() {
        removeName()
        state.withLock { $0.listener.take() }?.close(promise: nil)
    }

    // MARK: - The name

    private func bind(_ folder: String) throws -> CInt {
        let address = try SocketAddress(unixDomainSocketPath: folder + "/." + Self.randomName())
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        do {
            try bind(descriptor, address)
            return descriptor
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private func bind(_ descriptor: CInt, _ address: SocketAddress) throws {
        // What bind(2) makes has this mode: nobody else's until it has its name.
        guard fchmod(descriptor, 0o600) == 0 else {
            throw IOError(errnoCode: errno, reason: "fchmod")
        }
        let code = unsafe address.withSockAddr { pointer, length in
            unsafe Glibc.bind(descriptor, pointer, socklen_t(length))
        }
        guard code == 0, let bound = address.pathname else {
            throw IOError(errnoCode: errno, reason: "bind")
        }
        // The container's user is anybody.
        guard unsafe rename(bound, path) == 0, unsafe chmod(path, 0o666) == 0 else {
            let failure = IOError(errnoCode: errno, reason: "rename")
            _ = unsafe unlink(bound)
            removeName()
            throw failure
        }
    }

    private func removeName() { _ = unsafe unlink(path) }

    private static func randomName() -> String {
        (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    }
}
