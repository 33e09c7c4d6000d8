import DequeModule
import NIOCore
import SharedWaiting
import Synchronization

/// What a pipe has brought and nobody has taken yet: little more than one read.
final class PipeQueue: Sendable {
    /// Below this, reads go ahead of the reader.
    private static let readAhead = 256 << 10

    private struct State {
        var pieces: Deque<ByteBuffer> = []
        var byteCount = 0
        var hasEnded = false
        var channel: (any Channel)?
        /// A read was asked for and has brought nothing yet.
        var isReading = false
        var waiter: CheckedContinuation<ByteBuffer?, any Error>?

        /// Whether the channel shall read now.
        mutating func isReadDue() -> Bool {
            guard !isReading, !hasEnded, byteCount < PipeQueue.readAhead else { return false }
            isReading = true
            return true
        }
    }

    private let state = Mutex(State())
    private let loop: LoopWaiter

    init(on loop: any EventLoop) { self.loop = LoopWaiter(on: loop) }

    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func attach(_ channel: any Channel) { state.withLock { $0.channel = channel } }

    /// The next piece, `nil` at the end; one caller at a time.
    func next() async throws -> ByteBuffer? {
        if let ready = now() { return ready }
        return try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    private func now() -> ByteBuffer? {
        let (piece, reader) = state.withLock { state in
            let piece = state.pieces.popFirst()
            state.byteCount -= piece?.readableBytes ?? 0
            return (piece, state.isReadDue() ? state.channel : nil)
        }
        reader?.read()
        return piece
    }

    private func wait(_ continuation: CheckedContinuation<ByteBuffer?, any Error>) {
        let answer: Result<ByteBuffer?, any Error>? = state.withLock { state in
            if let piece = state.pieces.popFirst() {
                state.byteCount -= piece.readableBytes
                return .success(piece)
            }
            if state.hasEnded { return .success(nil) }
            // A cancellation that came before this line found nobody to wake.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiter = continuation
            return nil
        }
        if let answer { continuation.resume(with: answer) }
    }

    func received(_ bytes: ByteBuffer) {
        let (waiter, reader) = state.withLock { state in
            state.isReading = false
            let waiter = state.waiter.take()
            if waiter == nil {
                state.pieces.append(bytes)
                state.byteCount += bytes.readableBytes
            }
            return (waiter, state.isReadDue() ? state.channel : nil)
        }
        reader?.read()
        waiter?.resume(returning: bytes)
    }

    /// What has come can still be taken.
    func finish() {
        state.withLock { state in
            state.hasEnded = true
            state.channel = nil
            return state.waiter.take()
        }?.resume(returning: nil)
    }
}

/// Hands what a pipe brings to the queue.
final class PipeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let queue: PipeQueue

    init(_ queue: PipeQueue) { self.queue = queue }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        queue.received(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        queue.finish()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // An agent that says nothing more is gone, whether or not it still reads.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { queue.finish() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
