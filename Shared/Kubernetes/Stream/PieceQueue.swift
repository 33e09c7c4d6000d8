import DequeModule
import NIOCore
import SharedWaiting
import Synchronization

/// What a stream has brought and nobody has taken yet.
///
/// The channel reads ahead of the reader while less than `readAhead` bytes are here; one read
/// brings at most as much again, so the two together are the most that is held.
final class PieceQueue: Sendable {
    typealias Piece = PodStream.Piece

    static let readAhead = 128 << 10

    private struct State {
        var pieces: Deque<Piece> = []
        var byteCount = 0
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Piece?, any Error>?
    }

    private let state = Mutex(State())
    /// Settled when no more will come.
    let ended = Latch<Void>()
    private let loop: LoopWaiter

    /// `loop` is where the channel and its reader live.
    init(on loop: any EventLoop) { self.loop = LoopWaiter(on: loop) }

    /// Whether the channel may read more.
    var hasRoom: Bool { state.withLock { $0.byteCount < Self.readAhead && $0.end == nil } }

    func received(_ piece: Piece) {
        state.withLock { state -> CheckedContinuation<Piece?, any Error>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter.take() { return waiter }
            state.pieces.append(piece)
            state.byteCount += piece.bytes.readableBytes
            return nil
        }?.resume(returning: piece)
    }

    /// Ends the queue; what is in it can still be taken. Only the first call counts.
    func finish(_ result: Result<Void, any Error>) {
        state.withLock { state -> CheckedContinuation<Piece?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = result
            return state.waiter.take()
        }?.resume(with: result.map { nil })
        ended.settle(.success(()))
    }

    /// The next piece, `nil` at the end; one caller at a time. `resume` is called when the channel
    /// has room again.
    func next(resume: @Sendable () -> Void) async throws -> Piece? {
        if let answer = now(resume) { return try answer.get() }
        return try await loop.wait {
            wait($0, resume)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    private func now(_ resume: () -> Void) -> Result<Piece?, any Error>? {
        let (answer, hasRoomAgain) = state.withLock { Self.take(&$0) }
        if hasRoomAgain { resume() }
        return answer
    }

    private func wait(
        _ continuation: CheckedContinuation<Piece?, any Error>,
        _ resume: () -> Void
    ) {
        let (answer, hasRoomAgain) = state.withLock { state in
            var result = Self.take(&state)
            if result.answer == nil {
                // A cancellation that came before this line found nobody to wake.
                if Task.isCancelled {
                    result.answer = .failure(CancellationError())
                } else {
                    state.waiter = continuation
                }
            }
            return result
        }
        if hasRoomAgain { resume() }
        if let answer { continuation.resume(with: answer) }
    }

    private static func take(
        _ state: inout State
    ) -> (answer: Result<Piece?, any Error>?, hasRoomAgain: Bool) {
        guard let piece = state.pieces.popFirst() else {
            return (state.end.map { $0.map { nil } }, false)
        }
        let before = state.byteCount
        state.byteCount -= piece.bytes.readableBytes
        return (.success(piece), before >= readAhead && state.byteCount < readAhead)
    }
}
