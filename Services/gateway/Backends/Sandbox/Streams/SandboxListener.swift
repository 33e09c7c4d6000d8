import DequeModule
import GatewayCore
import Glibc
import NIOCore
import NIOPosix
import SharedWaiting
import Synchronization
import SharedSystem

/// Accepts connections on sockets that listen inside a sandbox.
///
/// One is taken from the kernel for each caller that waits, so that what nobody takes waits there.
final class SandboxListener: WorkspaceListener {
    let boundPort: UInt16?
    let environment: [(name: String, value: String)]
    private let eventLoop: any EventLoop
    private let loop: LoopWaiter
    private let state = Mutex(State())
    private let whenClosed: @Sendable (SandboxListener) async -> Void

    private struct State {
        var sockets: [any Channel] = []
        /// The same, to end them for good: a process that is being started may hold a copy for a
        /// moment, on which the kernel would go on listening.
        var copies: [Descriptor] = []
        /// Taken from the kernel while nobody waited: at most one for each socket.
        var accepted: Deque<AcceptedStream> = []
        var waiter: CheckedContinuation<AcceptedStream?, any Error>?
        var isClosed = false
    }

    init(
        port: UInt16?,
        environment: [(name: String, value: String)],
        on eventLoop: any EventLoop,
        whenClosed: @escaping @Sendable (SandboxListener) async -> Void
    ) {
        boundPort = port
        self.environment = environment
        self.eventLoop = eventLoop
        self.whenClosed = whenClosed
        loop = LoopWaiter(on: eventLoop)
    }

    /// Takes over listening sockets.
    func open(_ sockets: [Descriptor]) async throws {
        for socket in sockets {
            let copy = try socket.duplicate()
            let channel = try await bootstrap.withBoundSocket(socket.take()).get()
            let isLate = state.withLock { state in
                if !state.isClosed {
                    state.sockets.append(channel)
                    state.copies.append(copy)
                }
                return state.isClosed
            }
            if isLate { try await channel.close() }
        }
    }

    func accept() async throws -> AcceptedStream? {
        try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    func close() async {
        let (before, waiter) = state.withLock { state in
            defer {
                state.isClosed = true
                state.accepted = []
                state.copies = []
            }
            return (state, state.waiter.take())
        }
        waiter?.resume(returning: nil)
        for socket in before.sockets {
            try? await socket.close().get()  // Closed already: as wanted.
        }
        // Not before: NIO does not expect the end of a socket that listens.
        for copy in before.copies { _ = shutdown(copy.number, Int32(SHUT_RDWR)) }
        for one in before.accepted { await one.stream.close() }
        if !before.isClosed { await whenClosed(self) }
    }

    // MARK: - Private

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: eventLoop)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ListenEndHandler(self))
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { [weak self, eventLoop] channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream = try SandboxStream(accepted: channel, on: eventLoop)
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptedHandler(self, stream)
                    )
                }
            }
    }

    private func wait(_ continuation: CheckedContinuation<AcceptedStream?, any Error>) {
        enum Answer {
            case now(Result<AcceptedStream?, any Error>)
            case later([any Channel])
        }
        let answer: Answer = state.withLock { state in
            if let next = state.accepted.popFirst() { return .now(.success(next)) }
            if state.isClosed { return .now(.success(nil)) }
            if Task.isCancelled { return .now(.failure(CancellationError())) }
            state.waiter = continuation
            return .later(state.sockets)
        }
        switch answer {
        case .now(let result): continuation.resume(with: result)
        case .later(let sockets): for socket in sockets { socket.read() }
        }
    }

    fileprivate func accepted(_ stream: SandboxStream, _ address: SocketAddress?) {
        let one = AcceptedStream(stream: stream, originator: address.flatMap(Self.originator))
        let (waiter, isLate) = state.withLock { state in
            let waiter = state.waiter.take()
            if waiter == nil, !state.isClosed { state.accepted.append(one) }
            return (waiter, waiter == nil && state.isClosed)
        }
        waiter?.resume(returning: one)
        if isLate { stream.abandon() }
    }

    private static func originator(_ address: SocketAddress) -> (host: String, port: UInt16)? {
        guard let host = address.ipAddress, let port = address.port else { return nil }
        // What came to a socket of both families by the first one.
        let mapped = "::ffff:"
        let isMapped = host.hasPrefix(mapped) && host.contains(".")
        return (isMapped ? String(host.dropFirst(mapped.count)) : host, UInt16(clamping: port))
    }

    /// A socket has failed for good.
    fileprivate func ended() {
        let waiter = state.withLock { state in
            state.isClosed ? nil : state.waiter.take()
        }
        waiter?.resume(throwing: ChannelError.ioOnClosedChannel)
    }
}

/// Hands a connection on once it can be used.
private final class AcceptedHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private weak let listener: SandboxListener?
    private let stream: SandboxStream

    init(_ listener: SandboxListener?, _ stream: SandboxStream) {
        self.listener = listener
        self.stream = stream
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard let listener else { return context.close(promise: nil) }
        listener.accepted(stream, context.channel.remoteAddress)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// Tells the listener that its socket is closed, by whomever.
private final class ListenEndHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private weak let listener: SandboxListener?

    private static let pause = TimeAmount.milliseconds(100)

    init(_ listener: SandboxListener?) { self.listener = listener }

    func channelInactive(context: ChannelHandlerContext) {
        listener?.ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Too many open files, or a peer that was gone at once: a later one may be better.
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.pause) { channel.read() }
    }
}
