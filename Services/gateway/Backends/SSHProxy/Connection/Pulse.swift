/// Whether the target is still there, judged by when it was last heard of.
struct Pulse {
    enum Finding {
        case fine
        /// It shall be asked now.
        case ask
        case dead
    }

    private let limit: Duration
    private var lastHeard = ContinuousClock.now
    private var lastAsked: ContinuousClock.Instant?

    /// A target that is silent for `limit`, although asked, is dead.
    init(limit: Duration) { self.limit = limit }

    mutating func heard() {
        lastHeard = .now
        lastAsked = nil
    }

    mutating func check() -> Finding {
        let now = ContinuousClock.now
        if now - lastHeard >= limit { return .dead }
        guard now >= due else { return .fine }
        lastAsked = now
        return .ask
    }

    /// When `check` is next worth while.
    var due: ContinuousClock.Instant {
        guard lastAsked != nil else { return lastHeard + limit / 2 }
        return lastHeard + limit
    }
}
