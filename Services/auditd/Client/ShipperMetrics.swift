import Metrics

/// What a gateway counts about its recordings; documented in `docs/recordings.md`.
struct ShipperMetrics: Sendable {
    let acknowledged = Counter(label: "berth_recording_acknowledged_bytes_total")
    let outstanding = Gauge(label: "berth_recording_unacknowledged_bytes")
    let waits = Counter(label: "berth_recording_waits_total")
    let lostMessages = Counter(label: "berth_recording_lost_messages_total")
    let failures = Counter(label: "berth_recording_delivery_failures_total")
}
