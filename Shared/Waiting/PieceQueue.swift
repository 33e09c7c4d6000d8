import DequeModule
package import NIOCore
import Synchronization

/// How many bytes a `PieceQueue` wants to have before it lets its channel wait.
package let pieceReadAhead = 128 << 10

/// What a stream has brought and nobody has taken yet.
///
/// The channel reads ahead of the reader while less than `pieceReadAhead` bytes are here; as one
/// read brings at most as much again, the two together are the most that is held.
package final class PieceQueue<Piece: Sendable>: Sendable {

    private struct State {
        var pieces: Deque<Piece> = []
        var byteCount = 0
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Piece?, any Error>?
    }

    private let state = Mutex(State())
    /// Settled when no more will come.
    package let ended = Latch<Void>()
    private let loop: LoopWaiter
    private let size: @Sendable (Piece) -> Int

    /// `loop` is where the channel and its reader live; `size` counts the bytes of a piece.
    package init(on loop: any EventLoop, size: @escaping @Sendable (Piece) -> Int) {
        self.loop = LoopWaiter(on: loop)
        self.size = size
    }

    /// Whether the channel may read more.
    package var hasRoom: Bool {
        state.withLock { $0.byteCount < pieceReadAhead && $0.end == nil }
    }

    package func received(_ piece: Piece) {
        state.withLock { state -> CheckedContinuation<Piece?, any Error>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter.take() { return waiter }
            state.pieces.append(piece)
            state.byteCount += size(piece)
            return nil
        }?.resume(returning: piece)
    }

    /// Ends the queue; what is in it can still be taken. Only the first call counts.
    package func finish(_ result: Result<Void, any Error>) {
        state.withLock { state -> CheckedContinuation<Piece?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = result
            return state.waiter.take()
        }?.resume(with: result.map { nil })
        ended.settle(.success(()))
    }

    /// The next piece, `nil` at the end; one caller at a time. `resume` is called when the channel
    /// has room again.
    package func next(resume: @Sendable () -> Void) async throws -> Piece? {
        if let answer = now(resume) { return try answer.get() }
        return try await loop.wait {
            wait($0, resume)
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
        }
    }

    private func now(_ resume: () -> Void) -> Result<Piece?, any Error>? {
        let (answer, hasRoomAgain) = state.withLock { take(&$0) }
        if hasRoomAgain { resume() }
        return answer
    }

    private func wait(
        _ continuation: CheckedContinuation<Piece?, any Error>,
        _ resume: () -> Void
    ) {
        let (answer, hasRoomAgain) = state.withLock { state in
            var result = take(&state)
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

    private func take(
        _ state: inout State
    ) -> (answer: Result<Piece?, any Error>?, hasRoomAgain: Bool) {
        guard let piece = state.pieces.popFirst() else {
            return (state.end.map { $0.map { nil } }, false)
        }
        let before = state.byteCount
        state.byteCount -= size(piece)
        return (.success(piece), before >= pieceReadAhead && state.byteCount < pieceReadAhead)
    }
}
