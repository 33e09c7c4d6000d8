import Metrics

/// What an S3 storage counts; documented in `docs/recordings-s3.md`.
struct S3Metrics: Sendable {
    private static let storage = [("storage", "s3")]

    let uploaded = Counter(
        label: "berth_auditd_uploaded_bytes_total",
        dimensions: storage
    )
    let unsent = Gauge(label: "berth_auditd_unsent_bytes", dimensions: storage)
    let oldest = Gauge(label: "berth_auditd_oldest_unsent_seconds", dimensions: storage)
    let lag = Metrics.Timer(label: "berth_auditd_upload_lag_seconds", dimensions: storage)

    func failed(_ reason: S3Failure.Reason) {
        Counter(
            label: "berth_auditd_upload_failures_total",
            dimensions: Self.storage + [("reason", reason.rawValue)]
        ).increment()
    }
}
