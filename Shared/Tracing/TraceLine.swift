import Glibc
import Synchronization

/// What the spans of one trace have in common in this process.
final class TraceLine: Sendable {
    /// A connection may have any number of sessions, and a trace that nobody can show is of no use.
    static let mostSpans = 1000

    private let anchor: ContinuousClock.Instant
    /// Nanoseconds since the Unix epoch at `anchor`.
    private let date: Int64
    private let left = Atomic(mostSpans)

    init() {
        anchor = .now
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        date = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Whether there may be one more span.
    func takeSpan() -> Bool { left.subtract(1, ordering: .relaxed).newValue >= 0 }

    /// Nanoseconds since the Unix epoch; all are on one time line even while the machine's clock is
    /// being set.
    func date(of instant: ContinuousClock.Instant) -> UInt64 {
        let parts = (instant - anchor).components
        let nanoseconds = parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
        return UInt64(clamping: date + nanoseconds)
    }
}
