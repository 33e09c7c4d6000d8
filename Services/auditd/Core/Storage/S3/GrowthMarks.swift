/// When which bytes of a recording came: what is needed to tell how late they are sent.
struct GrowthMarks: Sendable {
    /// Enough to be right to a few percent; beyond that, neighbours become one, with the time of
    /// the earlier, so that nothing ever looks younger than it is.
    private static let limit = 64

    private var marks: [(end: UInt64, at: ContinuousClock.Instant)] = []

    mutating func grew(to length: UInt64, at time: ContinuousClock.Instant) {
        guard length > marks.last?.end ?? 0 else { return }
        marks.append((length, time))
        guard marks.count > Self.limit else { return }
        marks = stride(from: 0, to: marks.count, by: 2).map { index in
            (marks[min(index + 1, marks.count - 1)].end, marks[index].at)
        }
    }

    /// When the byte at `offset` came; `nil` if there is none yet.
    func time(of offset: UInt64) -> ContinuousClock.Instant? {
        marks.first { $0.end > offset }?.at
    }

    /// Forgets what is before `offset`.
    mutating func trim(to offset: UInt64) {
        guard let last = marks.last?.end else { return }
        marks.removeAll { $0.end <= offset && $0.end != last }
    }
}
