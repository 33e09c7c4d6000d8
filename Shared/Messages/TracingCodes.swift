/// Codes of the traces that every process sends.
extension MessageCode {
    package static let tracingExportFailed = MessageCode(
        "TRACING_EXPORT_FAILED",
        .warning,
        explanation: """
            The collector did not take this process's spans. Sessions are not affected; the spans \
            are sent again for a while, and those that no longer fit into the queue are dropped.
            """,
        remedy: """
            See whether the collector runs and whether tracing.url and tracing.headers are right. \
            The line comes once until spans arrive again.
            """
    )

    package static let tracingExportRecovered = MessageCode(
        "TRACING_EXPORT_RECOVERED",
        .info,
        explanation: "The collector takes spans again.",
        remedy: "Nothing needs to be done."
    )

    package static let tracingSpansDropped = MessageCode(
        "TRACING_SPANS_DROPPED",
        .warning,
        explanation: """
            Spans were dropped, so traces have holes. Sessions are not affected. The label dropped \
            says how many since the last such line.
            """,
        remedy: """
            If the queue was full: see that the collector keeps up, raise tracing.queue or trace \
            fewer logins with tracing.sample. If the collector refused them: its log says why. The \
            lines come at most once a minute.
            """
    )

    /// The codes of this file.
    static let tracingCodes: [MessageCode] = [
        tracingExportFailed, tracingExportRecovered, tracingSpansDropped,
    ]
}
