import Foundation
import MetricsClient
import SharedModels

@testable import MetricsdCore

/// What a gateway might report, for tests.
struct Report {
    var instance = "gateway-1"
    var epoch: Int64 = 1
    var sequence: Int64 = 1
    var interval = 5.0
    var isFinal = false
    var connections: Double?
    var open: Double?
    var handshakes: Double?
    var seconds: [Double] = []

    func wire() throws -> MetricsReport {
        let country = [("country", "XX")]
        var series: [ReportedSeries] = []
        let numbers = [
            (MetricCatalogue.connections, connections),
            (MetricCatalogue.currentConnections, open),
            (MetricCatalogue.successfulHandshakes, handshakes),
        ]
        for case (let definition, let value?) in numbers {
            guard let key = SeriesKey(definition, labels: country) else { continue }
            series.append(ReportedSeries(key, .number(value)))
        }
        if !seconds.isEmpty, let key = SeriesKey(MetricCatalogue.handshakeTime, labels: []),
            case .histogram(let bounds) = MetricCatalogue.handshakeTime.kind
        {
            var histogram = HistogramValue(boundCount: bounds.count)
            for value in seconds { histogram.observe(value, bounds: bounds) }
            series.append(ReportedSeries(key, .histogram(histogram)))
        }
        return MetricsReport(
            identity: ReporterIdentity(
                daemon: "gateway",
                instance: instance,
                started: Date(timeIntervalSince1970: Double(epoch) / 1000)
            ),
            sequence: sequence,
            interval: interval,
            isFinal: isFinal,
            series: series
        )
    }

    func checked() throws -> CheckedReport { try CheckedReport(wire()) }
}
