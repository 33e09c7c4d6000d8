import DequeModule
import GatewayCore
import NIOCore
import SharedSSH
import SharedWaiting
import Synchronization

/// What a program has said and nobody has taken yet: at most about one read of each stream, as
/// the next read begins only when there is room.
///
/// At a stream's end the kernel's buffer comes at once; it holds no more than the pipe does.
final class OutputQueue: Sendable {
    private struct State {
        var pieces: Deque<ProgramOutput> = []
        var byteCount = 0
        var sources: [OutputStream: Source] = [:]
        var waiter: CheckedContinuation<ProgramOutput?, any Error>?
        var lateInput = LateInput()

        mutating func take() -> ProgramOutput? {
            guard let piece = pieces.popFirst() else {
                return lateInput.take().map { ProgramOutput($0) }
            }
            if piece.input != nil { lateInput.left() }
            byteCount -= piece.bytes.readableBytes
            return piece
        }

        mutating func note(_ input: TypedInput) {
            let last = pieces.count - 1
            if last >= 0, let before = pieces[last].input, before.isHidden == input.isHidden {
                pieces[last].input?.count += input.count
            } else if lateInput.admit(input) {
                pieces.append(ProgramOutput(input))
            }
        }

        /// The streams that shall read now.
        mutating func dueReads(_ readAhead: Int) -> [any Channel] {
            guard byteCount < readAhead else { return [] }
            return sources.compactMap { stream, source in
                guard !source.isReading else { return nil }
                sources[stream]?.isReading = true
                return source.channel
            }
        }
    }

    private struct Source {
        var channel: any Channel
        /// A read was asked for and has brought nothing yet.
        var isReading = false
    }

    private let state = Mutex(State())
    private let loop: LoopWaiter
    /// Below this, reads go ahead of the reader.
    private static let readAhead = 64 << 10

    /// `loop` is where the streams and their reader live.
    init(on loop: any EventLoop) {
        self.loop = LoopWaiter(on: loop)
    }

    // MARK: - The reader

    /// The next piece, `nil` at the end of all streams; one caller at a time.
    func next() async throws -> ProgramOutput? {
        if let ready = takeReady() { return ready }
        return try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    private func takeReady() -> ProgramOutput? {
        let (piece, reads): (ProgramOutput?, [any Channel]) = state.withLock { state in
            guard let piece = state.take() else { return (nil, []) }
            return (piece, state.dueReads(Self.readAhead))
        }
        for channel in reads { channel.read() }
        return piece
    }

    private enum Answer {
        case now(Result<ProgramOutput?, any Error>)
        case later
    }

    private func wait(_ continuation: CheckedContinuation<ProgramOutput?, any Error>) {
        let (answer, reads): (Answer, [any Channel]) = state.withLock { state in
            if let piece = state.take() {
                return (.now(.success(piece)), state.dueReads(Self.readAhead))
            }
            if state.sources.isEmpty { return (.now(.success(nil)), []) }
            if Task.isCancelled { return (.now(.failure(CancellationError())), []) }
            state.waiter = continuation
            return (.later, state.dueReads(Self.readAhead))
        }
        for channel in reads { channel.read() }
        if case .now(let result) = answer { continuation.resume(with: result) }
    }

    /// Whether all streams have ended and everything was taken.
    var isAtEnd: Bool { state.withLock { $0.sources.isEmpty && $0.pieces.isEmpty } }

    // MARK: - The streams

    func add(_ stream: OutputStream, _ channel: any Channel) {
        state.withLock { $0.sources[stream] = Source(channel: channel) }
    }

    fileprivate func received(_ bytes: ByteBuffer, _ stream: OutputStream) {
        let piece = ProgramOutput(stream: stream, bytes: bytes)
        let (waiter, reads): (CheckedContinuation<ProgramOutput?, any Error>?, [any Channel]) =
            state.withLock { state in
                state.sources[stream]?.isReading = false
                let waiter = state.waiter.take()
                if waiter == nil {
                    state.pieces.append(piece)
                    state.byteCount += bytes.readableBytes
                }
                return (waiter, state.dueReads(Self.readAhead))
            }
        // A stream that is asked again before its read is over stays registered for reading.
        for channel in reads { channel.read() }
        waiter?.resume(returning: piece)
    }

    /// Keeps what the terminal does with its input, in its place among what it says.
    func note(_ input: TypedInput) {
        let waiter = state.withLock { state in
            guard let waiter = state.waiter.take() else {
                state.note(input)
                return nil as CheckedContinuation<ProgramOutput?, any Error>?
            }
            return waiter
        }
        waiter?.resume(returning: ProgramOutput(input))
    }

    fileprivate func ended(_ stream: OutputStream) {
        let waiter = state.withLock { state in
            state.sources[stream] = nil
            return state.sources.isEmpty ? state.waiter.take() : nil
        }
        waiter?.resume(returning: nil)
    }
}

/// Hands what a pipe or terminal says to the queue.
final class OutputHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let stream: OutputStream
    private let queue: OutputQueue

    init(stream: OutputStream, queue: OutputQueue) {
        self.stream = stream
        self.queue = queue
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        queue.received(unwrapInboundIn(data), stream)
    }

    func channelInactive(context: ChannelHandlerContext) { queue.ended(stream) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The far side has half-closed: its bytes end here, ours may still go.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { queue.ended(stream) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A terminal whose last program is gone ends with EIO: an end like any other.
        context.close(promise: nil)
    }
}
