import MetricsClient
import SharedModels

/// The totals of all processes, as a value without clock or I/O.
///
/// Each run of a process, named by `(instance, epoch)`, is a *source* whose last report counts.
/// A counter is the sum over the sources, also of those that are gone. A gauge is the sum over the
/// sources that are present: heard from within three of their intervals, not ended, and with no
/// later run of the same instance heard from since.
///
/// A source that has ended, or has been silent for `Limits.retention`, is closed: its counters go
/// into one common base and only its name is kept, so that a report that comes later still is
/// refused and not counted twice.
package struct MetricsLedger {
    package typealias Instant = ContinuousClock.Instant

    /// The bounds of a ledger.
    package struct Limits: Sendable {
        /// Sources whose reports are kept.
        package var sources = 1000
        /// Distinct series over all sources.
        package var series = 10_000
        /// Names of closed sources that are remembered.
        package var closedSources = 10_000
        /// Silence after which a source is closed.
        package var retention: Duration = .seconds(3600)

        package init() {}
    }

    /// What became of a report.
    package enum Verdict: Sendable, Hashable {
        /// Counted but for `dropped` series that the catalogue or a bound does not allow.
        case accepted(dropped: Int)
        /// Older than what is known already; nothing changed and nothing is lost.
        case outdated
        /// From a source that is closed.
        case closed
        /// As many sources as are kept are present.
        case full
    }

    struct SourceName: Hashable {
        let instance: String
        let epoch: Int64
    }

    private struct Source {
        let daemon: String
        var sequence: Int64
        var lastHeard: Instant
        var interval: Duration
        var values: [SeriesKey: SeriesValue] = [:]
        var problems: [String] = []
    }

    private let limits: Limits
    private var sources: [SourceName: Source] = [:]
    private var base: [SeriesKey: SeriesValue] = [:]
    /// Every series ever counted, in the order of its first use.
    private var order: [SeriesKey] = []
    private var known: Set<SeriesKey> = []
    private var closed: ClosedSources
    private var dropped = 0

    package init(limits: Limits = Limits()) {
        self.limits = limits
        closed = ClosedSources(limit: limits.closedSources)
    }

    /// Takes a report whose values were checked when it was decoded.
    package mutating func receive(_ report: CheckedReport, at now: Instant) -> Verdict {
        let name = SourceName(instance: report.instance, epoch: report.epoch)
        guard !closed.contains(name) else { return .closed }
        closeSilent(at: now)
        if let source = sources[name] {
            guard report.sequence > source.sequence else { return .outdated }
        } else {
            guard makeRoom(at: now) else { return .full }
        }
        let droppedNow = store(report, as: name, at: now)
        if report.isFinal { close(name) }
        return .accepted(dropped: droppedNow)
    }

    /// The sum over all sources, in catalogue order and then in order of first use.
    package func families(at now: Instant) -> [MetricFamily] {
        var totals = base
        for (name, source) in sources {
            let isPresent = isPresent(name, source, at: now)
            for (key, value) in source.values where isPresent || key.isCumulative {
                totals.merge(key, value)
            }
        }
        var samples = Dictionary(
            grouping: order.compactMap { key in totals[key].map { MetricFamily.Sample(key, $0) } },
            by: \.key.name
        )
        addOwn(to: &samples, at: now)
        return MetricCatalogue.all.map { definition in
            MetricFamily(definition: definition, samples: samples[definition.name] ?? [])
        }
    }

    /// Every process that reports or has ceased to without saying goodbye, by daemon and name; one
    /// that has been started again counts once.
    package func processes(at now: Instant) -> [SuiteInstance] {
        let alive = sources.filter { name, _ in !isReplaced(name) }
        return alive.map { name, source in
            SuiteInstance(
                daemon: source.daemon,
                instance: name.instance,
                isSilent: !isPresent(name, source, at: now),
                startedAt: name.epoch,
                lastHeard: now - source.lastHeard,
                problems: source.problems
            )
        }.sorted { ($0.daemon, $0.instance, $0.startedAt) < ($1.daemon, $1.instance, $1.startedAt) }
    }

    // MARK: - Private

    private func isReplaced(_ name: SourceName) -> Bool {
        sources.keys.contains { $0.instance == name.instance && $0.epoch > name.epoch }
    }

    private func isPresent(_ name: SourceName, _ source: Source, at now: Instant) -> Bool {
        guard now - source.lastHeard <= source.interval * 3 else { return false }
        return !sources.contains { other, later in
            other.instance == name.instance && other.epoch > name.epoch
                && later.lastHeard >= source.lastHeard
        }
    }

    private mutating func store(
        _ report: CheckedReport,
        as name: SourceName,
        at now: Instant
    ) -> Int {
        var source =
            sources[name]
            ?? Source(daemon: report.daemon, sequence: 0, lastHeard: now, interval: .zero)
        source.sequence = report.sequence
        source.lastHeard = now
        source.interval = report.interval
        source.problems = report.problems
        var droppedNow = report.dropped
        for (key, value) in report.values {
            if learn(key) { source.values[key] = value } else { droppedNow += 1 }
        }
        sources[name] = source
        dropped += droppedNow
        return droppedNow
    }

    /// Whether `key` may be counted: it is known, or there is room for one more.
    private mutating func learn(_ key: SeriesKey) -> Bool {
        if known.contains(key) { return true }
        guard known.count < limits.series else { return false }
        known.insert(key)
        order.append(key)
        return true
    }

    private mutating func close(_ name: SourceName) {
        guard let source = sources.removeValue(forKey: name) else { return }
        for (key, value) in source.values where key.isCumulative { base.merge(key, value) }
        closed.insert(name)
    }

    private mutating func closeSilent(at now: Instant) {
        for (name, source) in sources where now - source.lastHeard > limits.retention {
            close(name)
        }
    }

    /// Closes the source that has been silent longest when there is no room for another; false
    /// when all are present.
    private mutating func makeRoom(at now: Instant) -> Bool {
        guard sources.count >= limits.sources else { return true }
        let gone = sources.filter { !isPresent($0.key, $0.value, at: now) }
        guard let oldest = gone.min(by: { $0.value.lastHeard < $1.value.lastHeard }) else {
            return false
        }
        close(oldest.key)
        return true
    }

    /// Adds what this ledger knows of itself.
    private func addOwn(to samples: inout [String: [MetricFamily.Sample]], at now: Instant) {
        var present: [String: Int] = [:]
        for (name, source) in sources {
            present[source.daemon, default: 0] += isPresent(name, source, at: now) ? 1 : 0
        }
        for (daemon, count) in present.sorted(by: { $0.key < $1.key }) {
            let labels = [("daemon", daemon)]
            guard let key = SeriesKey(MetricCatalogue.reportingInstances, labels: labels) else {
                continue
            }
            samples[key.name, default: []].append(.init(key, .number(Double(count))))
        }
        let own = SeriesKey(MetricCatalogue.droppedSeries, labels: [("daemon", "metricsd")])
        if let own { samples[own.name, default: []].append(.init(own, .number(Double(dropped)))) }
    }
}

extension Dictionary<SeriesKey, SeriesValue> {
    fileprivate mutating func merge(_ key: SeriesKey, _ value: SeriesValue) {
        guard var total = self[key] else {
            self[key] = value
            return
        }
        total.add(value)
        self[key] = total
    }
}

extension SeriesKey {
    /// Whether the totals of a process that is gone still count.
    fileprivate var isCumulative: Bool { MetricCatalogue.definition(of: name)?.kind != .gauge }
}
