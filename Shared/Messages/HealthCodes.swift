/// Codes of the health and metrics listeners.
extension MessageCode {
    package static let metricsAvailable = MessageCode(
        "METRICS_AVAILABLE",
        .info,
        explanation: "Metrics can be fetched at the URL in the record.",
        remedy: "Nothing."
    )

    package static let healthAvailable = MessageCode(
        "HEALTH_AVAILABLE",
        .info,
        explanation: "Health can be asked for at the URL in the record.",
        remedy: "Nothing."
    )

    package static let healthRequestFailed = MessageCode(
        "HEALTH_REQUEST_FAILED",
        .warning,
        explanation: "The health check could not reach the daemon, or could not read its answer.",
        remedy: "See whether the daemon runs and whether health.client.url points at it."
    )

    static let healthCodes: [MessageCode] = [
        metricsAvailable, healthAvailable, healthRequestFailed,
    ]
}
