import Metrics

/// What auditd counts; documented in `docs/recordings.md`.
struct AuditdMetrics: Sendable {
    let accepted = Counter(label: "berth_auditd_accepted_bytes_total")
    let commits = Counter(label: "berth_auditd_commits_total")
    let commitTime = Metrics.Timer(label: "berth_auditd_commit_seconds")
    let free = Gauge(label: "berth_auditd_spool_free_bytes")
    let open = Gauge(label: "berth_auditd_open_recordings")
    let waiting = Gauge(label: "berth_auditd_unstored_recordings")
    let stored = Counter(label: "berth_auditd_stored_total")
    let storeFailures = Counter(label: "berth_auditd_store_failures_total")

    func committed(_ bytes: Int, in time: Duration) {
        accepted.increment(by: Int64(bytes))
        commits.increment()
        commitTime.record(duration: time)
    }
}
