import CProcess
import GatewayCore
import NIOCore
import NIOPosix
import SharedSSH
import SharedWaiting
import SharedSystem

/// A connection made inside a sandbox.
struct SandboxStream: WorkspaceStream {
    private let channel: any Channel
    private let queue: OutputQueue

    /// Takes over a connected socket.
    static func over(_ socket: Descriptor, on loop: any EventLoop) async throws -> SandboxStream {
        let queue = OutputQueue(on: loop)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try queue.listen(to: channel) }
            }
            .withConnectedSocket(socket.take()).get()
        return SandboxStream(channel: channel, queue: queue)
    }

    private init(channel: any Channel, queue: OutputQueue) {
        self.channel = channel
        self.queue = queue
    }

    /// Over a connection that a listener is about to accept; on its loop.
    init(accepted channel: any Channel, on loop: any EventLoop) throws {
        self.channel = channel
        queue = OutputQueue(on: loop)
        try queue.listen(to: channel)
    }

    func read() async throws -> ByteBuffer? { try await queue.next()?.bytes }

    func write(_ bytes: ByteBuffer) async throws {
        let taken = Latch<Void>()
        channel.writeAndFlush(bytes).whenComplete { taken.settle($0) }
        try await taken.value()
    }

    func closeWrite() async {
        // One that is closed already has no write side to close.
        try? await channel.close(mode: .output).get()
    }

    func close() async { try? await channel.close().get() }  // Closed already: as wanted.

    /// Closes without waiting for it.
    func abandon() { channel.close(promise: nil) }
}

extension OutputQueue {
    /// On the channel's loop.
    fileprivate func listen(to channel: any Channel) throws {
        add(.stdout, channel)
        try channel.pipeline.syncOperations.addHandler(OutputHandler(stream: .stdout, queue: self))
    }
}

extension DialDestination {
    /// The form the sandbox's first process takes it in: see `berth_dial`.
    var payload: [UInt8] {
        var header = berth_dial()
        let name: String
        switch self {
        case .tcp(let host, let port):
            name = host
            header.port = UInt32(port)
        case .unixSocket(let path):
            name = path
            header.is_unix = 1
        }
        return unsafe withUnsafeBytes(of: header) { unsafe Array($0) } + Array(name.utf8) + [0]
    }
}
