/// The paths of metricsd's HTTP interface, used by both sides.
package enum MetricsRoutes {
    /// `POST`: a `MetricsReport`; 204 when it was taken.
    package static let report = "/report"
    /// `GET ?address=IP`: a `CountryAnswer`.
    package static let country = "/country"
    /// `GET`: the health of all processes, for people and for programs.
    package static let suite = "/suite"
    /// Longest body of a report that is read, in bytes: room for `MetricsRegistry.defaultLimit`
    /// series with every label at its longest.
    package static let longestReport = 2 * 1024 * 1024
    /// Most series one report may hold.
    package static let mostSeries = 4096
}
