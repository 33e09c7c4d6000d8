/// How long to wait after a failure: twice as long each time, with jitter, up to a second. The
/// limit is low as people wait meanwhile.
struct BackOff {
    private var failures = 0
    private var since = ContinuousClock.now

    /// How long it has not worked.
    var age: Duration { failures == 0 ? .zero : ContinuousClock.now - since }

    /// Whether the last failure was the first of its row.
    var isFirst: Bool { failures == 1 }

    /// `start` is when the call that failed was begun.
    mutating func failed(since start: ContinuousClock.Instant) -> Duration {
        if failures == 0 { since = start }
        failures += 1
        let base = min(1000, 25 << min(failures, 6))
        return .milliseconds(Int.random(in: base / 2...base))
    }

    /// Whether this success ended a row of failures.
    mutating func succeeded() -> Bool {
        defer { failures = 0 }
        return failures > 0
    }
}
