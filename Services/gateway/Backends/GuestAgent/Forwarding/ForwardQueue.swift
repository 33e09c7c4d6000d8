import DequeModule
import NIOCore
import SharedWaiting
import Synchronization

/// What one connection has brought and nobody has taken yet.
///
/// The protocol has no windows: when more than `most` bytes are here, whoever reads for all
/// connections of the agent waits.
final class ForwardQueue: Sendable {
    private static let most = 256 << 10
    private static let longestPiece = 256 << 10

    private struct State {
        var pieces: Deque<ByteBuffer> = []
        var byteCount = 0
        var hasEnded = false
        var isUnwanted = false
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
        var room: Latch<Void>?
    }

    private let state = Mutex(State())
    private let loop: LoopWaiter

    init(on loop: any EventLoop) { self.loop = LoopWaiter(on: loop) }

    /// Takes bytes; what is answered is settled when there is room for more.
    func add(_ bytes: ByteBuffer) -> Latch<Void>? {
        guard bytes.readableBytes > 0 else { return nil }
        let (reader, first, room) = state.withLock { Self.add(bytes, to: &$0) }
        reader?.resume(returning: first)
        return room
    }

    private typealias Reader = CheckedContinuation<ByteBuffer?, any Error>

    private static func add(
        _ bytes: ByteBuffer,
        to state: inout State
    ) -> (Reader?, ByteBuffer, Latch<Void>?) {
        guard !state.hasEnded, !state.isUnwanted else { return (nil, ByteBuffer(), nil) }
        var bytes = bytes
        var first = ByteBuffer()
        let reader = state.reader.take()
        if reader != nil { first = piece(&bytes) }
        while bytes.readableBytes > 0 {
            let next = piece(&bytes)
            state.byteCount += next.readableBytes
            state.pieces.append(next)
        }
        if state.byteCount > most, state.room == nil { state.room = Latch() }
        return (reader, first, state.room)
    }

    private static func piece(_ bytes: inout ByteBuffer) -> ByteBuffer {
        bytes.readSlice(length: min(bytes.readableBytes, longestPiece)) ?? ByteBuffer()
    }

    /// No more will come; what is here can still be taken.
    func finish() {
        let (reader, room) = state.withLock { state in
            state.hasEnded = true
            return (state.reader.take(), state.room.take())
        }
        reader?.resume(returning: nil)
        room?.settle(.success(()))
    }

    /// Nobody wants what is here or comes.
    func discard() {
        let (reader, room) = state.withLock { state in
            state.isUnwanted = true
            state.pieces = []
            state.byteCount = 0
            return (state.reader.take(), state.room.take())
        }
        reader?.resume(returning: nil)
        room?.settle(.success(()))
    }

    /// The next piece, `nil` at the end; one caller at a time.
    func next() async throws -> ByteBuffer? {
        try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume(throwing: CancellationError())
        }
    }

    private func wait(_ continuation: CheckedContinuation<ByteBuffer?, any Error>) {
        let (answer, room) = state.withLock { state in
            var answer: Result<ByteBuffer?, any Error>?
            var room: Latch<Void>?
            if let piece = state.pieces.popFirst() {
                state.byteCount -= piece.readableBytes
                if state.byteCount <= Self.most { room = state.room.take() }
                answer = .success(piece)
            } else if state.hasEnded || state.isUnwanted {
                answer = .success(nil)
            } else if Task.isCancelled {
                // A cancellation that came before this line found nobody to wake.
                answer = .failure(CancellationError())
            } else {
                state.reader = continuation
            }
            return (answer, room)
        }
        room?.settle(.success(()))
        if let answer { continuation.resume(with: answer) }
    }
}
