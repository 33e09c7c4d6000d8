/// A started container that nobody has used.
package protocol PooledItem: Sendable {
    /// Whether it still runs, as far as is known without asking anybody.
    var isReady: Bool { get }

    /// Removes it. Bounded by a limit of its own; runs to its end even when cancelled.
    func discard() async
}

/// What happens in a pool, for the log and the metrics.
package enum PoolEvent: Sendable {
    /// A waiting container was taken.
    case hit(PoolKey)
    /// None waited.
    case miss(PoolKey)
    /// One was started in `duration`.
    case filled(PoolKey, Duration)
    /// One could not be started; the pool tries again after `retry`.
    case fillFailed(PoolKey, any Error, retry: Duration)
    /// One left unused: it died, was too old, or nobody wanted it any more.
    case discarded(PoolKey)
    /// So many wait now in all.
    case waiting(Int)
}

/// What of a pool belongs to one effective configuration.
package struct PoolShare: Sendable, Hashable {
    package var minimum: Int
    package var maximum: Int
    package var idle: Duration
    package var maximumAge: Duration
    /// Bytes that one container may use; 0 where that has no limit.
    package var memoryEach: Int

    package init(
        minimum: Int,
        maximum: Int,
        idle: Duration,
        maximumAge: Duration,
        memoryEach: Int
    ) {
        self.minimum = minimum
        self.maximum = maximum
        self.idle = idle
        self.maximumAge = maximumAge
        self.memoryEach = memoryEach
    }
}

/// What bounds a pool as a whole.
package struct PoolLimits: Sendable, Hashable {
    /// Waiting containers and such that are being started.
    package var total: Int
    /// Bytes, the sum of every container's `memoryEach`; 0: no limit.
    package var memory: Int
    /// Starts at the same time.
    package var fillers: Int

    package init(total: Int, memory: Int, fillers: Int) {
        self.total = total
        self.memory = memory
        self.fillers = fillers
    }
}
