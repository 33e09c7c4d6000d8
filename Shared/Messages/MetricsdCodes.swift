/// Codes of the metrics pipeline: the reporter in every process, and metricsd.
extension MessageCode {
    package static let metricsReportFailed = MessageCode(
        "METRICS_REPORT_FAILED",
        .warning,
        explanation: """
            This process could not hand its totals to metricsd. Sessions are not affected; the \
            totals stay in memory and go with the next report that arrives.
            """,
        remedy: """
            See whether berth-metricsd runs and whether metrics.push.url is right. The line comes \
            once until reports arrive again.
            """
    )

    package static let metricsReportRecovered = MessageCode(
        "METRICS_REPORT_RECOVERED",
        .info,
        explanation: "Reports reach metricsd again; nothing was lost in between.",
        remedy: "Nothing needs to be done."
    )

    package static let metricsdReportInvalid = MessageCode(
        "METRICSD_REPORT_INVALID",
        .warning,
        explanation: """
            metricsd refused a report that is not JSON of the documented shape or holds impossible \
            values, such as a negative total. No part of it was counted.
            """,
        remedy: """
            See which process sends it; daemons of one release understand each other, anything \
            else should not be able to reach the address metricsd listens on. The line comes at \
            most once a minute.
            """
    )

    package static let metricsdReportStale = MessageCode(
        "METRICSD_REPORT_STALE",
        .info,
        explanation: """
            metricsd refused a report of a process whose totals it had already closed, because the \
            process had said that it ended or was silent for an hour. Counting it would count twice.
            """,
        remedy: "Restart the process that reports if it is meant to run."
    )

    package static let metricsdFull = MessageCode(
        "METRICSD_FULL",
        .warning,
        explanation: """
            metricsd refused a report because as many processes as it keeps totals for report \
            already.
            """,
        remedy: "Run a metricsd of its own for each site, or find out who sends so many reports."
    )

    package static let metricsdSeriesDropped = MessageCode(
        "METRICSD_SERIES_DROPPED",
        .warning,
        explanation: """
            metricsd left out series of a report: a name or label that its catalogue does not \
            have, or more series than the bound.
            """,
        remedy: """
            Update metricsd before the processes that report to it. The metric \
            berth_metrics_dropped_series_total says how many; the line comes at most once a minute.
            """
    )

    /// The codes of this file.
    package static let metricsdCodes: [MessageCode] = [
        metricsReportFailed, metricsReportRecovered, metricsdReportInvalid, metricsdReportStale,
        metricsdFull, metricsdSeriesDropped,
    ]
}
