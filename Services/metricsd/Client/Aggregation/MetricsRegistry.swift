import SharedModels
import Synchronization

/// All series of this process, in the order of their first use; their number is bounded.
package final class MetricsRegistry: Sendable {
    /// Far more than the catalogue's closed label sets give (the largest, country, has 250 values).
    package static let defaultLimit = 2000

    private let daemon: String
    private let limit: Int
    private let state = Mutex(State())

    private struct State {
        var cells: [SeriesKey: SeriesCell] = [:]
        var order: [SeriesKey] = []
        var dropped = 0
    }

    package init(daemon: String, limit: Int = MetricsRegistry.defaultLimit) {
        self.daemon = daemon
        self.limit = limit
    }

    /// How many look-ups named a series that is not kept.
    package var droppedCount: Int { state.withLock { $0.dropped } }

    /// Every series with its present value; the last one says how many were dropped.
    package func snapshot() -> [ReportedSeries] {
        let (cells, dropped) = state.withLock { state in
            (state.order.compactMap { key in state.cells[key].map { (key, $0) } }, state.dropped)
        }
        var series = cells.map { ReportedSeries($0, $1.value) }
        let key = SeriesKey(MetricCatalogue.droppedSeries, labels: [("daemon", daemon)])
        if let key { series.append(ReportedSeries(key, .number(Double(dropped)))) }
        return series
    }

    /// The cell that counts for that name and those labels; `nil` when the catalogue does not
    /// allow them or the bound is reached.
    func cell(
        _ name: String,
        _ labels: [(String, String)],
        accepting isAccepted: (MetricDefinition.Kind) -> Bool
    ) -> SeriesCell? {
        guard let definition = MetricCatalogue.definition(of: name), isAccepted(definition.kind),
            let key = SeriesKey(definition, labels: labels)
        else {
            state.withLock { $0.dropped += 1 }
            return nil
        }
        return state.withLock { state in
            if let cell = state.cells[key] { return cell }
            guard state.order.count < limit else {
                state.dropped += 1
                return nil
            }
            let cell = SeriesCell(kind: definition.kind)
            state.cells[key] = cell
            state.order.append(key)
            return cell
        }
    }
}
