package import NIOCore
package import SharedWaiting

/// The streams of a program in a container: a connection that the engine has handed over.
///
/// One task may read while another writes. Whoever has it ends it with `close()`.
package final class EngineStream: Sendable {
    package typealias Piece = (output: EngineOutput, bytes: ByteBuffer)

    private let channel: any Channel
    private let queue: PieceQueue<Piece>

    init(channel: any Channel, queue: PieceQueue<Piece>) {
        self.channel = channel
        self.queue = queue
    }

    /// Settled when no more output will come; some may be waiting to be taken.
    package var ended: Latch<Void> { queue.ended }

    /// The next output, at most 128 KiB; `nil` at its end. One reader at a time.
    ///
    /// With a terminal everything is `stdout`. Throws `DOCKER_STREAM_OUTPUT_FAILED` when the engine
    /// breaks its own framing or the connection is lost, `CancellationError` when cancelled.
    package func next() async throws -> Piece? {
        try await queue.next { [channel] in channel.read() }
    }

    /// Sends input. The future succeeds when the engine's socket has taken it, and fails when the
    /// connection is gone, also by `close()`. It may stay open as long as the connection: an engine
    /// takes no more input for a program that has ended without reading it.
    package func send(_ bytes: ByteBuffer) -> EventLoopFuture<Void> {
        channel.writeAndFlush(bytes)
    }

    /// As `send`, with several pieces in order.
    package func send(_ pieces: [ByteBuffer]) -> EventLoopFuture<Void> {
        for piece in pieces { channel.write(piece, promise: nil) }
        return channel.writeAndFlush(ByteBuffer())
    }

    /// Where the connection lives.
    package var eventLoop: any EventLoop { channel.eventLoop }

    /// Ends the input behind what was written; output goes on.
    ///
    /// Throws when the connection is gone, and the input with it.
    package func closeInput() async throws {
        try await channel.close(mode: .output).get()
    }

    /// Ends both directions at once.
    package func close() async {
        queue.finish(.success(()))
        // Closed already: as wanted.
        try? await channel.close().get()
    }
}
