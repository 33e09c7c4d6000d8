package import SharedConfig

/// Which sources are refused, and until when.
///
/// Works like OpenSSH's penalties (sshd_config(5), PerSourcePenalties): times add up, count from
/// `minimum` on, and run out by themselves. Beyond that, failures within a window lead to a ban.
package struct PenaltyBook: Sendable {
    package struct Entry: Sendable, Hashable {
        /// Of the latest failure.
        package var kind: PenaltyKind
        package var until: ContinuousClock.Instant
        /// Whether the source is refused; stays so until the time is over.
        package var isActive: Bool
        package var isBan: Bool
        /// Failures since `windowStart`.
        package var failures: Int
        package var windowStart: ContinuousClock.Instant
        /// Counts the changes of the book; those after a number are what somebody has to be told.
        package var revision: UInt64
    }

    /// What a failure led to.
    package enum Change: Sendable, Hashable {
        /// Noted, nothing happens yet.
        case noted
        /// From now on the source is refused.
        case penalized(Duration)
        case banned(Duration)
        /// It was refused already, and is so for longer.
        case prolonged
    }

    package private(set) var revision: UInt64 = 0
    private var penalties: PenaltiesConfig
    private var ban: BanConfig
    private var entries: BoundedTable<IPNetwork, Entry>

    /// How many of the longest unused entries are looked at when the table is full.
    private static let sweepLength = 8

    package init(_ penalties: PenaltiesConfig, ban: BanConfig, capacity: Int) {
        self.penalties = penalties
        self.ban = ban
        entries = BoundedTable(capacity: capacity)
    }

    package var count: Int { entries.count }

    /// How many sources are refused now, those with a ban apart. Looks at every entry.
    package func refused(at now: ContinuousClock.Instant) -> (penalties: Int, bans: Int) {
        var (penalties, bans) = (0, 0)
        for source in entries.keys {
            guard let entry = entries[source], entry.isActive, entry.until > now else { continue }
            if entry.isBan { bans += 1 } else { penalties += 1 }
        }
        return (penalties, bans)
    }

    /// Other rules from now on; what is written stays.
    package mutating func use(_ penalties: PenaltiesConfig, ban: BanConfig) {
        self.penalties = penalties
        self.ban = ban
    }

    /// The entry because of which the source is refused now.
    package func refusal(
        of source: IPNetwork,
        at now: ContinuousClock.Instant
    ) -> Entry? {
        guard let entry = entries[source], entry.isActive, entry.until > now else { return nil }
        return entry
    }

    /// Whether unknown sources are refused because there is no room for more.
    package mutating func isOverflowing(at now: ContinuousClock.Instant) -> Bool {
        guard penalties.overflow == .denyAll, entries.isFull else { return false }
        sweep(at: now)
        return entries.isFull
    }

    package func knows(_ source: IPNetwork) -> Bool { entries[source] != nil }

    package mutating func note(
        _ kind: PenaltyKind,
        of source: IPNetwork,
        at now: ContinuousClock.Instant
    ) -> Change {
        let cost = penalties.enable ? penalties.time(for: kind) : .zero
        guard cost > .zero || ban.failures > 0 else { return .noted }
        var entry = entries[source].flatMap { isOver($0, at: now) ? nil : $0 } ?? fresh(kind, now)
        let wasActive = entry.isActive && entry.until > now
        if !wasActive { (entry.isActive, entry.isBan) = (false, false) }
        entry.kind = kind
        let start = max(entry.until, now)
        entry.until = max(entry.until, min(start + cost, now + penalties.maximum))
        if cost > .zero, now.duration(to: entry.until) >= penalties.minimum {
            entry.isActive = true
        }
        countFailure(&entry, now)
        write(entry, of: source, at: now)
        guard entry.isActive else { return .noted }
        if wasActive { return .prolonged }
        let time = now.duration(to: entry.until)
        return entry.isBan ? .banned(time) : .penalized(time)
    }

    /// Takes over what is known elsewhere; the later end counts.
    package mutating func merge(
        _ kind: PenaltyKind,
        of source: IPNetwork,
        for time: Duration,
        isBan: Bool,
        at now: ContinuousClock.Instant
    ) {
        var entry = entries[source].flatMap { isOver($0, at: now) ? nil : $0 } ?? fresh(kind, now)
        entry.kind = kind
        entry.until = max(entry.until, now + time)
        entry.isActive = true
        entry.isBan = entry.isBan || isBan
        write(entry, of: source, at: now)
    }

    /// Forgets a source; whether there was something to forget.
    package mutating func clear(_ source: IPNetwork, at now: ContinuousClock.Instant) -> Bool {
        guard let entry = entries[source] else { return false }
        entries.remove(source)
        revision += 1
        return !isOver(entry, at: now)
    }

    package mutating func clearAll() {
        entries.removeAll()
        revision += 1
    }

    /// What began to refuse its source after a revision, in order; the revision up to which the
    /// list tells everything.
    package func changes(
        after revision: UInt64,
        atMost limit: Int,
        at now: ContinuousClock.Instant
    ) -> (revision: UInt64, list: [(source: IPNetwork, entry: Entry)]) {
        guard revision < self.revision else { return (self.revision, []) }
        let all = entries.keys.compactMap { key -> (source: IPNetwork, entry: Entry)? in
            guard let entry = entries[key], entry.revision > revision, entry.isActive,
                entry.until > now
            else { return nil }
            return (key, entry)
        }.sorted { $0.entry.revision < $1.entry.revision }
        guard all.count > limit, let last = all.prefix(limit).last else {
            return (self.revision, all)
        }
        return (last.entry.revision, Array(all.prefix(limit)))
    }

    /// The sources of which `network` is a part, usually one or none.
    package func sources(holding network: IPNetwork) -> [IPNetwork] {
        if entries[network] != nil { return [network] }
        return entries.keys.filter {
            $0.prefix <= network.prefix && $0.contains(network.address)
        }
    }

    /// What is not over, the latest end first.
    package func list(at now: ContinuousClock.Instant) -> [(source: IPNetwork, entry: Entry)] {
        entries.keys.compactMap { key in
            guard let entry = entries[key], entry.until > now else { return nil }
            return (key, entry)
        }.sorted {
            ($1.entry.until, $0.source.description) < ($0.entry.until, $1.source.description)
        }
    }

    // MARK: - Private

    private func fresh(_ kind: PenaltyKind, _ now: ContinuousClock.Instant) -> Entry {
        Entry(
            kind: kind,
            until: now,
            isActive: false,
            isBan: false,
            failures: 0,
            windowStart: now,
            revision: 0
        )
    }

    private func countFailure(_ entry: inout Entry, _ now: ContinuousClock.Instant) {
        guard ban.failures > 0 else { return }
        if entry.windowStart + ban.window <= now { (entry.failures, entry.windowStart) = (0, now) }
        entry.failures += 1
        guard entry.failures >= ban.failures else { return }
        entry.until = max(entry.until, now + ban.time)
        entry.isActive = true
        entry.isBan = true
    }

    private func isOver(_ entry: Entry, at now: ContinuousClock.Instant) -> Bool {
        let counts = ban.failures > 0 && entry.failures > 0 && entry.windowStart + ban.window > now
        return entry.until <= now && !counts
    }

    private mutating func write(
        _ entry: Entry,
        of source: IPNetwork,
        at now: ContinuousClock.Instant
    ) {
        if entries[source] == nil, entries.isFull {
            sweep(at: now)
            // With `deny-all` a new source does not push out one that is penalized.
            guard !entries.isFull || penalties.overflow == .permissive else { return }
        }
        revision += 1
        var entry = entry
        entry.revision = revision
        entries.set(source, entry)
    }

    private mutating func sweep(at now: ContinuousClock.Instant) {
        for _ in 0..<Self.sweepLength {
            guard let last = entries.last, isOver(last.value, at: now) else { return }
            entries.remove(last.key)
        }
    }
}
