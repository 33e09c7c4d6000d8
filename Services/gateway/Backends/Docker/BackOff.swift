/// Waits before a repetition: the first times briefly, then up to `longest`.
struct BackOff {
    private var next: Duration
    private let factor: Int
    private let longest: Duration

    init(from first: Duration, factor: Int = 2, upTo longest: Duration) {
        next = first
        self.factor = factor
        self.longest = longest
    }

    mutating func take() -> Duration {
        defer { next = min(next * factor, longest) }
        return next
    }
}
