import SharedConfig

/// Counts what is in use by user, by source and in all. Every operation takes constant time.
package struct UseLedger: Sendable {
    private var connectionsByUser: [String: Int] = [:]
    private var sessionsByUser: [String: Int] = [:]
    private var sessionsBySource: [String: Int] = [:]
    private var sessions = 0
    private var userRates: RateTable<String>
    private var sourceRates: RateTable<String>

    /// `capacity` bounds the users and sources whose rates are remembered.
    package init(capacity: Int) {
        userRates = RateTable(capacity: capacity)
        sourceRates = RateTable(capacity: capacity)
    }

    /// Counts a use, unless that would be one too many.
    package mutating func admit(
        _ use: Use,
        _ limits: UseLimits,
        at now: ContinuousClock.Instant
    ) -> UseRefusal? {
        if let refusal = crowding(use, limits) ?? haste(use, limits, now) { return refusal }
        count(use, by: 1)
        return nil
    }

    /// Counts a use that was admitted elsewhere.
    package mutating func add(_ use: Use) { count(use, by: 1) }

    package mutating func release(_ use: Use) { count(use, by: -1) }

    private func crowding(_ use: Use, _ limits: UseLimits) -> UseRefusal? {
        switch use.kind {
        case .connection:
            let open = connectionsByUser[use.user] ?? 0
            return Self.check(.userConnections, open, limits.userConnections)
        case .session:
            if let refusal = Self.check(.sessions, sessions, limits.sessions) { return refusal }
            let ofUser = sessionsByUser[use.user] ?? 0
            if let refusal = Self.check(.userSessions, ofUser, limits.userSessions) {
                return refusal
            }
            guard !use.source.isEmpty else { return nil }
            let ofSource = sessionsBySource[use.source] ?? 0
            return Self.check(.sourceSessions, ofSource, limits.sourceSessions)
        }
    }

    private mutating func haste(
        _ use: Use,
        _ limits: UseLimits,
        _ now: ContinuousClock.Instant
    ) -> UseRefusal? {
        guard use.kind == .session else { return nil }
        let ofUser = RateLimit(limits.userSessionRate) ?? .none
        guard userRates.take(use.user, ofUser, at: now) else {
            return UseRefusal(.userSessionRate, current: ofUser.count, maximum: ofUser.count)
        }
        guard !use.source.isEmpty else { return nil }
        let ofSource = RateLimit(limits.sourceSessionRate) ?? .none
        guard sourceRates.take(use.source, ofSource, at: now) else {
            return UseRefusal(.sourceSessionRate, current: ofSource.count, maximum: ofSource.count)
        }
        return nil
    }

    private mutating func count(_ use: Use, by step: Int) {
        switch use.kind {
        case .connection: Self.change(&connectionsByUser, use.user, by: step)
        case .session:
            sessions = max(sessions + step, 0)
            Self.change(&sessionsByUser, use.user, by: step)
            if !use.source.isEmpty { Self.change(&sessionsBySource, use.source, by: step) }
        }
    }

    private static func check(
        _ reason: UseRefusal.Reason,
        _ current: Int,
        _ maximum: Int
    ) -> UseRefusal? {
        guard maximum > 0, current >= maximum else { return nil }
        return UseRefusal(reason, current: current, maximum: maximum)
    }

    private static func change(_ counts: inout [String: Int], _ key: String, by step: Int) {
        let count = (counts[key] ?? 0) + step
        counts[key] = count > 0 ? count : nil
    }
}
