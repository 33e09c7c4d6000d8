/// What gateways and auditd count of recordings.
extension MetricCatalogue {
    static let recordingMetrics =
        recordingGatewayMetrics + auditdMetrics + storageMetrics
        + ledgerMetrics

    private static let recordingGatewayMetrics = [
        counter("recording_acknowledged_bytes", "Bytes of recordings that auditd has."),
        gauge(
            "recording_unacknowledged_bytes",
            "bytes",
            "Bytes of recordings under way to auditd."
        ),
        counter("recording_waits", "Times a session paused for its recording."),
        counter("recording_lost_messages", "Entries dropped from recordings (besteffort)."),
        counter("recording_delivery_failures", "Batches that had to be sent to auditd again."),
    ]

    private static let auditdMetrics = [
        counter("auditd_accepted_bytes", "Bytes of recordings made durable."),
        counter("auditd_commits", "Groups of batches made durable."),
        histogram(
            "auditd_commit_seconds",
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
            "Time to make a group of batches durable."
        ),
        gauge("auditd_spool_free_bytes", "bytes", "Free space of the spool's disk."),
        gauge("auditd_open_recordings", "recordings", "Sessions that are being recorded."),
        gauge(
            "auditd_unstored_recordings",
            "recordings",
            "Finished and not in all their storages."
        ),
        counter("auditd_stored", "Recordings that all their storages have."),
        counter("auditd_store_failures", "Attempts to store a file that failed."),
    ]

    private static let storageMetrics = [
        counter("auditd_uploaded_bytes", "Bytes that a storage took.", ["storage"]),
        gauge(
            "auditd_unsent_bytes",
            "bytes",
            "Bytes in the spool that a storage does not have yet.",
            ["storage"]
        ),
        gauge(
            "auditd_oldest_unsent_seconds",
            "seconds",
            "Age of the oldest byte that a storage does not have yet.",
            ["storage"]
        ),
        histogram(
            "auditd_upload_lag_seconds",
            [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
            "Time from the first byte of a part or object in the spool until a storage has it.",
            ["storage"]
        ),
        counter(
            "auditd_upload_failures",
            "Calls to a storage that failed.",
            ["storage", "reason"]
        ),
    ]

    private static let ledgerMetrics = [
        gauge(
            "auditd_ledger_entries",
            "entries",
            "Entries of a ledger of recordings.",
            ["ledger"]
        ),
        gauge(
            "auditd_ledger_head",
            "head",
            "The first 48 bits of the hash of a ledger's last entry, as a number.",
            ["ledger"]
        ),
        gauge(
            "auditd_ledger_exported_entries",
            "entries",
            "Entries of a ledger up to the head that a storage has.",
            ["ledger", "storage"]
        ),
        counter(
            "auditd_ledger_export_failures",
            "Attempts to copy a ledger's head to a storage that failed.",
            ["ledger", "storage"]
        ),
    ]

    private static func counter(
        _ name: String,
        _ help: String,
        _ labels: [String] = []
    ) -> MetricDefinition {
        let unit = name.split(separator: "_").last.map(String.init) ?? name
        return MetricDefinition(
            "berth_\(name)_total",
            .counter,
            unit: unit + "_total",
            help: help,
            labels: labels
        )
    }

    private static func gauge(
        _ name: String,
        _ unit: String,
        _ help: String,
        _ labels: [String] = []
    ) -> MetricDefinition {
        MetricDefinition("berth_\(name)", .gauge, unit: unit, help: help, labels: labels)
    }

    private static func histogram(
        _ name: String,
        _ bounds: [Double],
        _ help: String,
        _ labels: [String] = []
    ) -> MetricDefinition {
        MetricDefinition(
            "berth_\(name)",
            .histogram(bounds: bounds),
            unit: "seconds",
            help: help,
            labels: labels
        )
    }
}
