import CCurl
import DequeModule
import Synchronization

/// Carries one reply from the transfer thread to its single reader.
///
/// Holds at most `highWater` bytes and one more network read: beyond that the transfer is paused
/// until the reader has caught up.
final class ReplyStream: Sendable {
    /// Sixteen reads of libcurl's 16 KiB.
    private static let highWater = 256 << 10

    private struct State {
        var head: HTTPReplyHead?
        var chunks: Deque<[UInt8]> = []
        var buffered = 0
        var isPaused = false
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Void, Never>?

        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            defer { waiter = nil }
            return waiter
        }
    }

    private let state = Mutex(State())

    // MARK: The transfer's side

    func received(_ head: HTTPReplyHead) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.head = head
            return state.takeWaiter()
        }?.resume()
    }

    /// Takes a chunk, or answers `false` when the transfer has to pause and offer it again.
    func offer(_ bytes: [UInt8]) -> Bool {
        let (isTaken, waiter) = state.withLock {
            state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard state.buffered < Self.highWater else {
                state.isPaused = true
                return (false, nil)
            }
            state.chunks.append(bytes)
            state.buffered += bytes.count
            return (true, state.takeWaiter())
        }
        waiter?.resume()
        return isTaken
    }

    /// Ends the stream; only the first call counts.
    func finish(_ result: Result<Void, any Error>) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.end == nil else { return nil }
            state.end = result
            return state.takeWaiter()
        }?.resume()
    }

    // MARK: The reader's side

    func head() async throws -> HTTPReplyHead {
        while true {
            if let head = try state.withLock({ state -> HTTPReplyHead? in
                if let head = state.head { return head }
                guard let end = state.end else { return nil }
                try end.get()
                throw CurlFailure(number: CURLE_WEIRD_SERVER_REPLY.rawValue, text: "no header")
            }) {
                return head
            }
            await changed { $0.head != nil || $0.end != nil }
        }
    }

    /// The next chunk, `nil` at the end of the body. `resume` is called when a paused transfer can
    /// go on.
    func next(resume: () -> Void) async throws -> [UInt8]? {
        enum Step { case chunk([UInt8], resume: Bool), end, wait }
        while true {
            let step = try state.withLock { state -> Step in
                if let chunk = state.chunks.popFirst() {
                    state.buffered -= chunk.count
                    let mayResume = state.isPaused && state.buffered < Self.highWater / 2
                    if mayResume { state.isPaused = false }
                    return .chunk(chunk, resume: mayResume)
                }
                guard let end = state.end else { return .wait }
                try end.get()
                return .end
            }
            switch step {
            case .chunk(let chunk, let mayResume):
                if mayResume { resume() }
                return chunk
            case .end:
                return nil
            case .wait:
                await changed { !$0.chunks.isEmpty || $0.end != nil }
            }
        }
    }

    private func changed(_ isReady: (borrowing State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if isReady(state) { return true }
                state.waiter = continuation
                return false
            }
            if isNow { continuation.resume() }
        }
    }
}
