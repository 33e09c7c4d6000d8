import ServiceLifecycle
import Synchronization

/// Containers that are started before anybody asks for them, by effective configuration.
///
/// Whoever takes one owns it: it never comes back. Each use of a configuration tells the pool to
/// expect more of it, so that the number that waits follows the demand of the last minute, and
/// falls to the minimum when nobody comes. Beyond the limits of the whole pool a configuration in
/// use takes the place of one that was not used for a minute.
///
/// `run()` looks after age and death; without it a pool only gives and fills.
package final class WarmPool<Item: PooledItem>: Service {
    package typealias Make = @Sendable () async throws -> Item
    typealias Instant = ContinuousClock.Instant

    struct State {
        var shelves: [PoolKey: Shelf<Item>] = [:]
        var isClosed = false
        var tasks = PoolTasks()
    }

    /// Configurations that are remembered at one time.
    static var mostShelves: Int { 256 }

    let limits: PoolLimits
    let observe: @Sendable (PoolEvent) -> Void
    let now: @Sendable () -> Instant
    let state = Mutex(State())

    /// `observe` is called often and must not block.
    package init(
        limits: PoolLimits,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        observe: @escaping @Sendable (PoolEvent) -> Void = { _ in }
    ) {
        self.limits = limits
        self.now = now
        self.observe = observe
    }

    /// A waiting container, or `nil`: then the caller makes one. Either way the pool starts
    /// another in the background, with this `make`.
    package func take(_ key: PoolKey, _ share: PoolShare, make: @escaping Make) -> Item? {
        guard share.maximum > 0 else { return nil }
        let now = now()
        var dead: [Item] = []
        let item: Item? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.open(key, share, now, make, &dead)
            state.shelves[key]?.noteTake(at: now)
            return state.shelves[key]?.take(dead: &dead)
        }
        observe(item == nil ? .miss(key) : .hit(key))
        discard(dead, of: key)
        if item != nil { observe(.waiting(waiting)) }
        fill()
        return item
    }

    /// Keeps `share.minimum` from now on, for somebody who has not come yet.
    package func keep(_ key: PoolKey, _ share: PoolShare, make: @escaping Make) {
        guard share.minimum > 0 else { return }
        var dead: [Item] = []
        let now = now()
        state.withLock { state in
            guard !state.isClosed else { return }
            state.open(key, share, now, make, &dead)
        }
        discard(dead, of: key)
        fill()
    }

    /// Looks after the pool until the task is cancelled or the process stops; then closes it.
    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: .seconds(1))
                self.maintain()
            }
        }
        await close()
    }

    /// Removes what is dead, too old or unwanted, and starts what is missing.
    package func maintain() {
        let now = now()
        let stale = state.withLock { state in state.removeStale(at: now) }
        for (key, items) in stale { discard(items, of: key) }
        fill()
    }

    /// Gives nothing more, and removes all that wait or are being started.
    package func close() async {
        let items = state.withLock { state in
            state.isClosed = true
            state.tasks.cancelFillings()
            defer { state.shelves = [:] }
            return state.shelves.map { ($0.key, $0.value.entries.map { $0.item }) }
        }
        for (key, items) in items { discard(items, of: key) }
        while let task = state.withLock({ $0.tasks.any }) { await task.value }
    }

    /// How many wait.
    package var waiting: Int { state.withLock { $0.waiting } }
}
