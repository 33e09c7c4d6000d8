import AuthClient
import SharedConfig
import SharedMessages

/// Lets so many lines of a code into the log in a time, and counts those that it kept out.
struct LogThrottle {
    private var rates = RateTable<MessageCode>(capacity: 64)
    private var kept: [MessageCode: Int] = [:]

    /// Enough to see who it is, too few to fill a disk.
    private static let rate = RateLimit(count: 20, window: .seconds(2))

    /// `nil` if a line is not to be written now; else how many were kept out since the last one.
    mutating func suppressed(_ code: MessageCode, at now: ContinuousClock.Instant) -> Int? {
        guard rates.take(code, Self.rate, at: now) else {
            kept[code, default: 0] += 1
            return nil
        }
        return kept.removeValue(forKey: code) ?? 0
    }
}
