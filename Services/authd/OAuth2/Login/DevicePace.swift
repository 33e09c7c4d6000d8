/// How often a provider is asked whether the person is done (RFC 8628 §3.5).
struct DevicePace: Sendable, Hashable {
    enum Answer: Sendable, Hashable {
        case pending
        /// With the interval that the provider wants, if it says one.
        case slowDown(Int?)
        case unreachable
    }

    /// Seconds; the provider's word within 1...60.
    private(set) var interval: Int
    private var failures = 0

    init(interval: Int) { self.interval = Self.sane(interval) }

    private static func sane(_ seconds: Int) -> Int { min(max(seconds, 1), 60) }

    /// The pause before the next question.
    mutating func pause(after answer: Answer) -> Duration {
        switch answer {
        case .pending: failures = 0
        case .slowDown(let wanted):
            failures = 0
            interval = Self.sane(max(interval + 5, wanted ?? 0))
        case .unreachable: failures = min(failures + 1, 3)
        }
        return .seconds(min(interval << failures, 60))
    }
}
