import Glibc
package import NIOCore
import NIOPosix

/// An agent on the other end of two pipes, or of one socket twice.
package final class PipeTransport: AgentTransport {
    private let channel: any Channel
    private let queue: PipeQueue

    private static let longestRead = 256 << 10
    /// F_SETPIPE_SZ of fcntl(2), which the C library shows to GNU programs only.
    private static let setPipeSize: CInt = 1031

    /// Takes both descriptors over: `input` is written to, `output` read from.
    ///
    /// When this throws, they are closed or not as NIO got to them.
    package static func open(
        input: CInt,
        output: CInt,
        on loop: any EventLoop
    ) async throws -> PipeTransport {
        // More than the usual 64 KiB where the system lets us: fewer turns for the same bytes.
        for pipe in [input, output] { _ = fcntl(pipe, setPipeSize, CInt(longestRead)) }
        let queue = PipeQueue(on: loop)
        let channel = try await NIOPipeBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: allocator)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    queue.attach(channel)
                    try channel.pipeline.syncOperations.addHandler(PipeHandler(queue))
                }
            }
            .takingOwnershipOfDescriptors(input: output, output: input).get()
        return PipeTransport(channel: channel, queue: queue)
    }

    /// For the buffers of a channel of ours.
    static var allocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(
            minimum: 4 << 10,
            initial: 16 << 10,
            maximum: longestRead
        )
    }

    /// `queue` is what the channel's `PipeHandler` fills.
    init(channel: any Channel, queue: PipeQueue) {
        self.channel = channel
        self.queue = queue
    }

    /// Whether nothing more will come; some may be waiting to be taken.
    package var hasEnded: Bool { queue.hasEnded }

    package func read() async throws -> ByteBuffer? { try await queue.next() }

    package func write(_ pieces: [ByteBuffer]) async throws {
        for piece in pieces { channel.write(piece, promise: nil) }
        try await channel.writeAndFlush(ByteBuffer()).get()
    }

    package func close() async {
        queue.finish()
        // Closed already: as wanted.
        try? await channel.close().get()
    }
}
