/// Which of several servers to ask, without I/O: in the order of the configuration, those that have
/// failed a moment ago last.
struct LDAPServerList: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Fault {
        var since: Instant
        var latest: Instant
    }

    private var faults: [Fault?]
    private let retryAfter: Duration
    /// How often one is asked while all are down: everybody else is refused at once.
    private let pause: Duration

    init(count: Int, retryAfter: Duration, pause: Duration = .seconds(1)) {
        faults = Array(repeating: nil, count: count)
        self.retryAfter = retryAfter
        self.pause = pause
    }

    /// The servers worth asking now, best first; none if all have just failed.
    ///
    /// One that was down counts as failed again from now on, so only one call finds out.
    mutating func candidates(at now: Instant) -> [Int] {
        let good = faults.indices.filter { isWorthwhile($0, at: now) }
        if let first = good.first, faults[first] != nil { faults[first]?.latest = now }
        guard good.isEmpty else { return good }
        let longAgo = faults.indices.filter { index in
            faults[index].map { now - $0.latest >= min(pause, retryAfter) } ?? true
        }
        for index in longAgo { faults[index]?.latest = now }
        return longAgo
    }

    private func isWorthwhile(_ index: Int, at now: Instant) -> Bool {
        faults[index].map { now - $0.latest >= retryAfter } ?? true
    }

    /// Whether that is news.
    mutating func failed(_ index: Int, at now: Instant) -> Bool {
        let isNew = faults[index] == nil
        faults[index] = Fault(since: faults[index]?.since ?? now, latest: now)
        return isNew
    }

    /// How long it was down; `nil` if it was not.
    mutating func answered(_ index: Int, at now: Instant) -> Duration? {
        defer { faults[index] = nil }
        return faults[index].map { now - $0.since }
    }
}
