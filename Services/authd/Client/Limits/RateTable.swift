package import SharedConfig

/// Token buckets, one for each key that was seen lately.
///
/// A bucket that has filled up again says nothing that a missing one would not, so forgetting the
/// one that was not used for the longest time is nearly free of harm.
package struct RateTable<Key: Hashable & Sendable>: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: ContinuousClock.Instant
    }

    private var buckets: BoundedTable<Key, Bucket>

    package init(capacity: Int) {
        buckets = BoundedTable(capacity: capacity)
    }

    /// Whether one more event may happen; if so it counts.
    package mutating func take(
        _ key: Key,
        _ limit: RateLimit,
        at now: ContinuousClock.Instant
    ) -> Bool {
        guard limit.isLimited else { return true }
        var bucket = buckets[key] ?? Bucket(tokens: Double(limit.count), filledAt: now)
        let gained = (bucket.filledAt.duration(to: now) / limit.window) * Double(limit.count)
        bucket.tokens = min(Double(limit.count), bucket.tokens + max(gained, 0))
        bucket.filledAt = now
        let isAllowed = bucket.tokens >= 1
        if isAllowed { bucket.tokens -= 1 }
        buckets.set(key, bucket)
        return isAllowed
    }
}
