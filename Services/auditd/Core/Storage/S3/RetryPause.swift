/// How long to wait after a failure: twice as long each time, with jitter so that not all come
/// back at once.
struct RetryPause: Sendable {
    private(set) var failures = 0

    /// Whether this failure is worth a line in the log: the first, the second, the fourth and so on.
    var isNotable: Bool { failures & (failures - 1) == 0 }

    mutating func failed(first: Duration, limit: Duration) -> Duration {
        failures += 1
        let base = min(limit, first * (1 << min(failures - 1, 16)))
        return base * Double.random(in: 0.5...1)
    }

    mutating func succeeded() { failures = 0 }
}
