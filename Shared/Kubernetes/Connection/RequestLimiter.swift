import Synchronization

/// Spaces calls out: so many per second in the long run, and some at once (a token bucket).
final class RequestLimiter: Sendable {
    private struct State {
        var tokens: Double
        var last: ContinuousClock.Instant
    }

    private let rate: Double
    private let burst: Double
    private let state: Mutex<State>

    init(rate: Double, burst: Int) {
        self.rate = max(rate, 0.01)
        self.burst = Double(max(burst, 1))
        state = Mutex(State(tokens: Double(max(burst, 1)), last: .now))
    }

    /// Waits for its turn. Who is cancelled has had it.
    func pass() async throws {
        let pause = reserve(at: .now)
        if pause > .zero { try await Task.sleep(for: pause) }
    }

    /// Takes a turn; answers how long it is until then.
    func reserve(at now: ContinuousClock.Instant) -> Duration {
        state.withLock { state in
            let passed = (now - state.last).seconds
            if passed > 0 {
                state.tokens = min(burst, state.tokens + passed * rate)
                state.last = now
            }
            state.tokens -= 1
            return state.tokens >= 0 ? .zero : .seconds(-state.tokens / rate)
        }
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
