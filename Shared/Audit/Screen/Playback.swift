/// When the messages of a recording are to be shown again.
package struct Playback: Sendable {
    /// How much faster than it was; above 0.
    package var speed: Double
    /// Pauses longer than this are cut to it; `nil` keeps them.
    package var longestPause: Duration?
    /// What came before this time, counted from the first message, is shown at once.
    package var from: Duration
    private var first: Int64?
    private var latest: Int64 = 0

    package init(speed: Double = 1, longestPause: Duration? = nil, from: Duration = .zero) {
        self.speed = speed
        self.longestPause = longestPause
        self.from = from
    }

    /// How long to wait after the message before, for one of this time (nanoseconds since the Unix
    /// epoch). Clocks that went backwards make no pause.
    package mutating func pause(before timestamp: Int64) -> Duration {
        guard let first else {
            first = timestamp
            latest = timestamp
            return .zero
        }
        let begin = first.addingReportingOverflow(Int64(clamping: from / .nanoseconds(1)))
        let floor = max(latest, begin.overflow ? Int64.max : begin.partialValue)
        latest = max(latest, timestamp)
        guard timestamp > floor else { return .zero }
        let gap = Duration.nanoseconds(timestamp - floor)
        return min(gap, longestPause ?? gap) / speed
    }
}

extension Int64 {
    fileprivate init(clamping value: Double) {
        self = value >= Double(Int64.max) ? .max : value <= 0 ? 0 : Int64(value)
    }
}
