package import NIOCore
package import SharedWaiting

/// The streams of a program in a pod: a WebSocket under `v5.channel.k8s.io` or
/// `v4.channel.k8s.io`.
///
/// One task may read while another writes. Whoever has it ends it with `close()`, which does not
/// end the program.
package final class PodStream: Sendable {
    package enum Output: Sendable, Hashable {
        case stdout
        case stderr
    }

    package typealias Piece = (output: Output, bytes: ByteBuffer)

    /// How a stream is kept alive and found dead.
    package struct Pulse: Sendable {
        /// After so long a silence the server is asked; after as long again it counts as gone.
        package var interval: Duration

        package init(interval: Duration = .seconds(20)) { self.interval = interval }
    }

    private static let input: UInt8 = 0
    private static let size: UInt8 = 4
    private static let closing: UInt8 = 255
    /// Servers take more; what is between may not.
    private static let longestMessage = 64 << 10

    private let channel: any Channel
    private let queue: PieceQueue<Piece>
    /// Whether the input can be ended without ending the stream.
    package let canCloseInput: Bool
    /// How the program ended, once the server has said so, which it does after all output. Fails
    /// with a `ClusterFault` when the stream ends without.
    package let status: Latch<ExecStatus>

    init(channel: any Channel, queue: PieceQueue<Piece>, status: Latch<ExecStatus>, name: String) {
        self.channel = channel
        self.queue = queue
        self.status = status
        canCloseInput = name.hasPrefix("v5.")
    }

    /// Settled when no more output will come; some may be waiting to be taken.
    package var ended: Latch<Void> { queue.ended }

    /// Where the connection lives.
    package var eventLoop: any EventLoop { channel.eventLoop }

    /// The next output; `nil` at its end. One reader at a time.
    ///
    /// With a terminal everything is `stdout`. Throws `ClusterFault` when the stream breaks,
    /// `CancellationError` when cancelled.
    package func next() async throws -> Piece? {
        try await queue.next { [channel] in channel.read() }
    }

    /// Sends input, in order. The future succeeds when the socket has taken it, and fails when the
    /// connection is gone, also by `close()`.
    package func send(_ pieces: [ByteBuffer]) -> EventLoopFuture<Void> {
        var group: [ByteBuffer] = []
        var count = 0
        for var piece in pieces {
            while piece.readableBytes > 0 {
                let room = Self.longestMessage - count
                guard let part = piece.readSlice(length: min(room, piece.readableBytes)) else {
                    break
                }
                group.append(part)
                count += part.readableBytes
                if count == Self.longestMessage {
                    write(group)
                    (group, count) = ([], 0)
                }
            }
        }
        if count > 0 { write(group) }
        return channel.writeAndFlush(ByteBuffer())
    }

    private func write(_ pieces: [ByteBuffer]) {
        channel.write(
            WebSocketEncoder.frame(.binary, lead: [Self.input], pieces),
            promise: nil
        )
    }

    /// Ends the input behind what was written; output goes on. Answers whether the protocol can do
    /// that; under v4 it cannot, and nothing happens.
    package func closeInput() async throws -> Bool {
        guard canCloseInput else { return false }
        let frame = WebSocketEncoder.frame(.binary, lead: [Self.closing, Self.input])
        try await channel.writeAndFlush(frame).get()
        return true
    }

    /// Tells a terminal its size.
    package func resize(columns: UInt32, rows: UInt32) async throws {
        let text = "{\"Width\":\(min(columns, 65535)),\"Height\":\(min(rows, 65535))}"
        let frame = WebSocketEncoder.frame(
            .binary,
            lead: [Self.size] + Array(text.utf8)
        )
        try await channel.writeAndFlush(frame).get()
    }

    /// Ends both directions at once. Answers what went wrong with it, if anything did.
    @discardableResult
    package func close() async -> (any Error)? {
        queue.finish(.success(()))
        status.settle(.failure(ClusterFault.cutShort))
        let frame = WebSocketEncoder.frame(.close, [ByteBuffer(integer: UInt16(1000))])
        channel.writeAndFlush(frame, promise: nil)
        do {
            try await channel.close().get()
            return nil
        } catch ChannelError.alreadyClosed {
            return nil
        } catch {
            return error
        }
    }
}
