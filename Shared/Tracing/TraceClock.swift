import Glibc

/// Tells the date of instants, so that all spans of a trace in one process are on one time line even
/// while the machine's clock is being set.
struct TraceClock: Sendable {
    private let anchor: ContinuousClock.Instant
    /// Nanoseconds since the Unix epoch at `anchor`.
    private let date: Int64

    init() {
        anchor = .now
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        date = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Nanoseconds since the Unix epoch.
    func date(of instant: ContinuousClock.Instant) -> UInt64 {
        let parts = (instant - anchor).components
        let nanoseconds = parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
        return UInt64(clamping: date + nanoseconds)
    }
}
