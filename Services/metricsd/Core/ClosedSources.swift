import DequeModule

/// The names of sources whose totals are settled; the oldest are forgotten first.
struct ClosedSources {
    private let limit: Int
    private var names: Set<MetricsLedger.SourceName> = []
    private var order: Deque<MetricsLedger.SourceName> = []

    init(limit: Int) { self.limit = limit }

    func contains(_ name: MetricsLedger.SourceName) -> Bool { names.contains(name) }

    mutating func insert(_ name: MetricsLedger.SourceName) {
        guard names.insert(name).inserted else { return }
        order.append(name)
        if order.count > limit, let oldest = order.popFirst() { names.remove(oldest) }
    }
}
