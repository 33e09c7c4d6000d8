/// How long to wait after a failure: twice as long each time, with jitter, up to a second. The
/// limit is low as people wait meanwhile.
struct BackOff {
    private var failures = 0

    /// Whether the last failure was the first of its row.
    var isFirst: Bool { failures == 1 }

    mutating func failed() -> Duration {
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
