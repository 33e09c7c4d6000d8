import Synchronization

/// Leaves a service that does not answer alone for a while, so that whoever asks is told at once
/// and the service is not buried under calls when it comes back.
///
/// Closed until `failures` calls in a row have failed. Then nothing is sent for `pause`; after
/// it one call finds out, the others wait for another `pause` or for that call's success. Callers
/// say before a call whether they may, and afterwards how it went; a call that never reports
/// holds nothing up.
package final class CircuitBreaker: Sendable {
    private struct State {
        var failures = 0
        /// When the next call may be made; `nil` while all may.
        var openUntil: ContinuousClock.Instant?
    }

    /// What a report has changed.
    package enum Change: Sendable, Hashable {
        case none
        case opened
        case closed
    }

    private let failures: Int
    package let pause: Duration
    private let state = Mutex(State())

    /// `failures` of 0: it never opens.
    package init(failures: Int, pause: Duration) {
        self.failures = failures
        self.pause = pause
    }

    /// Whether a call may be made now.
    package func admits(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            guard let until = state.openUntil else { return true }
            guard now >= until else { return false }
            state.openUntil = now + pause
            return true
        }
    }

    /// The service has answered, whatever it said.
    package func succeeded() -> Change {
        state.withLock { state in
            defer { state = State() }
            return state.openUntil == nil ? .none : .closed
        }
    }

    /// There was no answer, or none that can be used.
    package func failed(at now: ContinuousClock.Instant) -> Change {
        guard failures > 0 else { return .none }
        return state.withLock { state in
            state.failures = min(state.failures + 1, failures)
            guard state.failures >= failures else { return .none }
            defer { state.openUntil = now + pause }
            return state.openUntil == nil ? .opened : .none
        }
    }
}
