import Metrics

/// What a process counts of its spans; documented in `docs/traces.md`.
struct TraceCounters: Sendable {
    let exported = Counter(label: "berth_trace_spans_exported_total")
    let full = dropped("queue")
    let refused = dropped("refused")
    let undelivered = dropped("undelivered")

    private static func dropped(_ reason: String) -> Counter {
        Counter(label: "berth_trace_spans_dropped_total", dimensions: [("reason", reason)])
    }
}
