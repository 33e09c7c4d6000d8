/// The part of a pool with one key.
struct Shelf<Item: PooledItem> {
    typealias Instant = ContinuousClock.Instant

    struct Entry {
        let item: Item
        let made: Instant
    }

    /// Somebody who came in this time is expected to come again.
    static var demandWindow: Duration { .seconds(60) }
    static var longestRetry: Duration { .seconds(60) }

    var share: PoolShare
    var make: @Sendable () async throws -> Item
    /// Oldest first.
    private(set) var entries: [Entry] = []
    var filling = 0
    private(set) var lastTake: Instant
    /// Takes of the demand window, no more of them than containers may wait.
    private var takes: [Instant] = []
    private var failures = 0
    private(set) var retryAt: Instant?

    init(share: PoolShare, now: Instant, make: @escaping @Sendable () async throws -> Item) {
        self.share = share
        self.make = make
        lastTake = now
    }

    /// How many should wait: as many as were taken in the last minute, one at least for as long
    /// as the configuration is in use at all.
    func target(at now: Instant) -> Int {
        guard now - lastTake < share.idle else { return share.minimum }
        let recent = takes.count { now - $0 < Self.demandWindow }
        return min(max(share.minimum, recent, 1), share.maximum)
    }

    func isWanting(at now: Instant) -> Bool {
        if let retryAt, now < retryAt { return false }
        return entries.count + filling < target(at: now)
    }

    func isBusy(at now: Instant) -> Bool { now - lastTake < Self.demandWindow }

    mutating func noteTake(at now: Instant) {
        lastTake = now
        takes.removeAll { now - $0 >= Self.demandWindow }
        if takes.count >= share.maximum, !takes.isEmpty { takes.removeFirst() }
        takes.append(now)
    }

    /// The newest that still runs; the ones that do not are added to `dead`.
    mutating func take(dead: inout [Item]) -> Item? {
        while let entry = entries.popLast() {
            if entry.item.isReady { return entry.item }
            dead.append(entry.item)
        }
        return nil
    }

    mutating func add(_ item: Item, at now: Instant) {
        failures = 0
        retryAt = nil
        entries.append(Entry(item: item, made: now))
    }

    mutating func noteFailure(at now: Instant) -> Duration {
        failures += 1
        let delay = min(.seconds(1) * (1 << min(failures - 1, 6)), Self.longestRetry)
        retryAt = now + delay
        return delay
    }

    /// Takes away the oldest above `minimum`.
    mutating func removeSurplus() -> Item? {
        guard entries.count > share.minimum else { return nil }
        return entries.removeFirst().item
    }

    /// Takes away what is dead, too old, or beyond the target.
    mutating func removeStale(at now: Instant) -> [Item] {
        let isStale: (Entry) -> Bool = { [share] entry in
            !entry.item.isReady || now - entry.made >= share.maximumAge
        }
        var removed = entries.filter(isStale)
        entries.removeAll(where: isStale)
        let surplus = entries.count - target(at: now)
        if surplus > 0 {
            removed += entries.prefix(surplus)
            entries.removeFirst(surplus)
        }
        return removed.map { $0.item }
    }

    mutating func removeAll() -> [Item] {
        defer { entries = [] }
        return entries.map { $0.item }
    }
}
