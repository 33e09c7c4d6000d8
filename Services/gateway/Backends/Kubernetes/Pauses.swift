/// Ever longer pauses between tries.
struct Pauses {
    private var next: Duration
    private let factor: Double
    private let longest: Duration

    init(from first: Duration, factor: Double = 2, upTo longest: Duration) {
        next = first
        self.factor = factor
        self.longest = longest
    }

    mutating func take() -> Duration {
        defer { next = min(next * factor, longest) }
        return next
    }
}
