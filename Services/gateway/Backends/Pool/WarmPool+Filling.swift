import SharedTracing
import Synchronization

extension WarmPool {
    private struct Job: Sendable {
        let key: PoolKey
        let number: UInt64
        let make: Make
    }

    /// Starts as many containers as are wanted and allowed.
    func fill() {
        while startNext() {}
    }

    private func startNext() -> Bool {
        let now = now()
        var displaced: (PoolKey, Item)?
        let isStarted: Bool = state.withLock { state in
            guard !state.isClosed, state.tasks.fillings < limits.fillers else { return false }
            guard let key = state.neediest(at: now), let shelf = state.shelves[key] else {
                return false
            }
            if !state.fits(shelf.share.memoryEach, limits) {
                displaced = state.displace(at: now)
                guard displaced != nil, state.fits(shelf.share.memoryEach, limits) else {
                    return false
                }
            }
            state.shelves[key]?.filling += 1
            state.tasks.startFilling { number in
                let job = Job(key: key, number: number, make: shelf.make)
                // Whoever made it due waits for none, and one leads to the next.
                return Span.without { Task { await self.run(job) } }
            }
            return true
        }
        if let (key, item) = displaced { discard([item], of: key) }
        return isStarted
    }

    private func run(_ job: Job) async {
        let start = now()
        do {
            let item = try await job.make()
            put(item, job, after: now() - start)
        } catch {
            fail(job, error)
        }
        fill()
    }

    private func put(_ item: Item, _ job: Job, after duration: Duration) {
        let now = now()
        let isKept = state.withLock { state in
            state.endFilling(job.number, of: job.key)
            guard !state.isClosed, state.shelves[job.key] != nil else { return false }
            state.shelves[job.key]?.add(item, at: now)
            return true
        }
        guard isKept else { return discard([item], of: job.key) }
        observe(.filled(job.key, duration))
        observe(.waiting(waiting))
    }

    private func fail(_ job: Job, _ error: any Error) {
        let now = now()
        let retry: Duration? = state.withLock { state in
            state.endFilling(job.number, of: job.key)
            guard !state.isClosed else { return nil }
            return state.shelves[job.key]?.noteFailure(at: now)
        }
        if let retry { observe(.fillFailed(job.key, error, retry: retry)) }
    }

    func discard(_ items: [Item], of key: PoolKey) {
        guard !items.isEmpty else { return }
        observe(.waiting(waiting))
        for item in items {
            observe(.discarded(key))
            state.withLock { state in
                state.tasks.startDiscard { number in
                    Task {
                        await item.discard()
                        self.state.withLock { $0.tasks.end(number) }
                    }
                }
            }
        }
    }
}

extension WarmPool.State {
    var waiting: Int { shelves.values.reduce(0) { $0 + $1.entries.count } }

    mutating func endFilling(_ number: UInt64, of key: PoolKey) {
        tasks.end(number)
        // The shelf may be a later one than that of the start.
        if let filling = shelves[key]?.filling, filling > 0 { shelves[key]?.filling -= 1 }
    }

    /// Makes sure that there is a shelf for `key`, with the newest recipe.
    mutating func open(
        _ key: PoolKey,
        _ share: PoolShare,
        _ now: WarmPool.Instant,
        _ make: @escaping WarmPool.Make,
        _ dead: inout [Item]
    ) {
        if shelves[key] != nil {
            shelves[key]?.share = share
            shelves[key]?.make = make
            return
        }
        if shelves.count >= WarmPool.mostShelves, let oldest = leastRecent {
            dead += shelves[oldest]?.removeAll() ?? []
            shelves[oldest] = nil
        }
        shelves[key] = Shelf(share: share, now: now, make: make)
    }

    /// The configuration used last among those that want more.
    func neediest(at now: WarmPool.Instant) -> PoolKey? {
        shelves.filter { $0.value.isWanting(at: now) }
            .max { $0.value.lastTake < $1.value.lastTake }?.key
    }

    func fits(_ memory: Int, _ limits: PoolLimits) -> Bool {
        let count = shelves.values.reduce(0) { $0 + $1.entries.count + $1.filling }
        guard count < limits.total else { return false }
        guard limits.memory > 0 else { return true }
        let used = shelves.values.reduce(0) {
            $0 + ($1.entries.count + $1.filling) * $1.share.memoryEach
        }
        return used + memory <= limits.memory
    }

    /// Takes a container from the configuration that was used longest ago, if none of the last
    /// minute's must suffer.
    mutating func displace(at now: WarmPool.Instant) -> (PoolKey, Item)? {
        let victim = shelves.filter { shelf in
            !shelf.value.isBusy(at: now) && shelf.value.entries.count > shelf.value.share.minimum
        }.min { $0.value.lastTake < $1.value.lastTake }?.key
        guard let victim, let item = shelves[victim]?.removeSurplus() else { return nil }
        return (victim, item)
    }

    mutating func removeStale(at now: WarmPool.Instant) -> [(PoolKey, [Item])] {
        var stale: [(PoolKey, [Item])] = []
        for key in Array(shelves.keys) {
            let items = shelves[key]?.removeStale(at: now) ?? []
            if !items.isEmpty { stale.append((key, items)) }
            guard let shelf = shelves[key], shelf.entries.isEmpty, shelf.filling == 0 else {
                continue
            }
            if shelf.target(at: now) == 0 { shelves[key] = nil }
        }
        return stale
    }

    private var leastRecent: PoolKey? {
        shelves.min { $0.value.lastTake < $1.value.lastTake }?.key
    }
}
