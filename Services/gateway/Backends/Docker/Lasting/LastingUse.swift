import SharedMessages
import Synchronization

/// When something last happened on one connection's use of a container.
final class LastingUse: Sendable {
    private let state: Mutex<State>

    private struct State {
        var last: ContinuousClock.Instant
        /// What is being done now.
        var busy = 0
        var isOver = false
    }

    init() { state = Mutex(State(last: .now)) }

    /// Bytes went one way or the other.
    func touch() { state.withLock { $0.last = .now } }

    /// Something was asked for, which lasts until `end`.
    func begin() { state.withLock { $0.busy += 1 } }

    func end() {
        state.withLock { state in
            state.busy -= 1
            state.last = .now
        }
    }

    /// How long nothing has happened.
    var idleTime: Duration { state.withLock { $0.busy > 0 ? .zero : .now - $0.last } }

    /// Whether its programs were ended because nothing happened.
    var isOver: Bool {
        get { state.withLock { $0.isOver } }
        set { state.withLock { $0.isOver = newValue } }
    }

    var error: CodedError { CodedError(.dockerContainerIdle, detail: "no traffic") }
}
