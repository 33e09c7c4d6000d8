import NIOCore
import SharedWaiting
import Synchronization

/// One connection through a forwarding agent.
final class ForwardConnection: Sendable {
    enum Stage {
        /// Asked of the agent, not answered.
        case asked
        /// As before, and nobody wants it any more.
        case abandoned
        /// The agent's, not answered by us.
        case offered
        case open
        /// CLOSE_CONNECTION was sent, and is not answered.
        case closing
        case over
    }

    let id: UInt64
    let queue: ForwardQueue
    /// Settled when it is known whether the agent has connected.
    let opened = Latch<Void>()
    /// Whoever connected; `nil` for connections of ours.
    let origin: ForwardOrigin?
    private let state: Mutex<State>

    private struct State {
        var stage: Stage
        /// Set once our direction has ended.
        var linger: Scheduled<Void>?
        var hasHeard = false
    }

    init(id: UInt64, origin: ForwardOrigin? = nil, on loop: any EventLoop) {
        self.id = id
        self.origin = origin
        queue = ForwardQueue(on: loop)
        state = Mutex(State(stage: origin == nil ? .asked : .offered))
    }

    var stage: Stage { state.withLock { $0.stage } }

    /// Goes from one of `stages` to another; answers whether it was there.
    func move(from stages: [Stage], to next: Stage) -> Bool {
        let (hasMoved, timer) = state.withLock { state in
            guard stages.contains(state.stage) else { return (false, nil as Scheduled<Void>?) }
            state.stage = next
            let isPast = next == .closing || next == .over
            return (true, isPast ? state.linger.take() : nil)
        }
        timer?.cancel()
        return hasMoved
    }

    func heard() { state.withLock { $0.hasHeard = true } }

    /// Whether anything came since this was last asked.
    func takeHeard() -> Bool {
        state.withLock { state in
            defer { state.hasHeard = false }
            return state.hasHeard
        }
    }

    func lingers(_ timer: Scheduled<Void>) {
        let late = state.withLock { state in
            let isOver = state.stage != .open
            let old = isOver ? timer : state.linger
            if !isOver { state.linger = timer }
            return old
        }
        late?.cancel()
    }
}
