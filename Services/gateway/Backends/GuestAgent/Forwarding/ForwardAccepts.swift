import DequeModule
import NIOCore
import SharedWaiting
import Synchronization

/// Connections that agents have accepted at one place and nobody has taken yet.
final class ForwardAccepts: Sendable {
    private struct State {
        var waiting: Deque<ForwardStream> = []
        /// Agents that bring no more.
        var ended: Set<ObjectIdentifier> = []
        var isClosed = false
        var taker: CheckedContinuation<ForwardStream?, any Error>?
    }

    private let agents: Int
    private let state = Mutex(State())
    private let loop: LoopWaiter

    /// For so many agents.
    init(of agents: Int, on loop: any EventLoop) {
        self.agents = agents
        self.loop = LoopWaiter(on: loop)
    }

    /// `false`: nobody will take it.
    func add(_ stream: ForwardStream) -> Bool {
        let (isTaken, taker) = state.withLock { state in
            guard !state.isClosed else {
                return (false, nil as CheckedContinuation<ForwardStream?, any Error>?)
            }
            let taker = state.taker.take()
            if taker == nil { state.waiting.append(stream) }
            return (true, taker)
        }
        taker?.resume(returning: stream)
        return isTaken
    }

    /// The next one; `nil` at the end. One caller at a time.
    func next() async throws -> ForwardStream? {
        try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.taker.take() }?.resume(throwing: CancellationError())
        }
    }

    private func wait(_ continuation: CheckedContinuation<ForwardStream?, any Error>) {
        let answer: Result<ForwardStream?, any Error>? = state.withLock { state in
            if let next = state.waiting.popFirst() { return .success(next) }
            if state.isClosed { return .success(nil) }
            // A cancellation that came before this line found nobody to wake.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.taker = continuation
            return nil
        }
        if let answer { continuation.resume(with: answer) }
    }

    /// One of the agents brings no more.
    func finish(_ agent: ForwardLink) {
        state.withLock { state in
            state.ended.insert(ObjectIdentifier(agent))
            guard state.ended.count >= agents else {
                return nil as CheckedContinuation<ForwardStream?, any Error>?
            }
            state.isClosed = true
            return state.taker.take()
        }?.resume(returning: nil)
    }

    /// Takes no more, and answers those that nobody has taken.
    func close() -> [ForwardStream] {
        let (left, taker) = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return (Array(state.waiting), state.taker.take())
        }
        taker?.resume(returning: nil)
        return left
    }
}
