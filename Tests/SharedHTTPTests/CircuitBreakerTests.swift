import SharedHTTP
import Testing

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    private let breaker = CircuitBreaker(failures: 3, pause: .seconds(5))
    private let start = ContinuousClock.now

    private func fail(_ times: Int) -> [CircuitBreaker.Change] {
        (0..<times).map { _ in breaker.failed(at: start) }
    }

    @Test("opens at the configured number of failures in a row, and says so once")
    func opens() {
        #expect(fail(4) == [.none, .none, .opened, .none])
        #expect(!breaker.admits(at: start))
    }

    @Test("a success in between begins the count anew")
    func successBetween() {
        #expect(fail(2) == [.none, .none])
        #expect(breaker.succeeded() == .none)
        #expect(fail(2) == [.none, .none])
        #expect(breaker.admits(at: start))
    }

    @Test("after the pause one call is admitted, and the next only a pause later")
    func probe() {
        _ = fail(3)
        #expect(!breaker.admits(at: start + .seconds(4)))
        #expect(breaker.admits(at: start + .seconds(5)))
        #expect(!breaker.admits(at: start + .seconds(5)))
        #expect(!breaker.admits(at: start + .seconds(9)))
        #expect(breaker.admits(at: start + .seconds(10)))
    }

    @Test("a success closes it for all, and says so once")
    func closes() {
        _ = fail(3)
        #expect(breaker.succeeded() == .closed)
        #expect(breaker.succeeded() == .none)
        #expect(breaker.admits(at: start))
        #expect(fail(2) == [.none, .none])
    }

    @Test("a call that fails after the pause opens it for another pause")
    func reopens() {
        _ = fail(3)
        #expect(breaker.admits(at: start + .seconds(5)))
        #expect(breaker.failed(at: start + .seconds(7)) == .none)
        #expect(!breaker.admits(at: start + .seconds(11)))
        #expect(breaker.admits(at: start + .seconds(12)))
    }

    @Test("with 0 failures it never opens")
    func never() {
        let breaker = CircuitBreaker(failures: 0, pause: .seconds(5))
        for _ in 0..<100 { #expect(breaker.failed(at: start) == .none) }
        #expect(breaker.admits(at: start))
    }
}
