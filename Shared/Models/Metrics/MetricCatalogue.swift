/// Every metric of the suite, in the order of the exposition.
///
/// The names that begin with `containerssh_` are those of ContainerSSH, so that dashboards keep
/// working; those that begin with `berth_` are ours. Emission and the HELP, UNIT and TYPE lines
/// both read this list.
package enum MetricCatalogue {
    package static let configRequests = MetricDefinition(
        "containerssh_config_server_requests_total",
        .counter,
        unit: "requests_total",
        help: "Requests sent to the configuration server.",
        labels: ["retry"]
    )
    package static let configFailures = MetricDefinition(
        "containerssh_config_server_failures_total",
        .counter,
        unit: "failures_total",
        help: "Failed requests to the configuration server.",
        labels: ["type", "retry", "reason"]
    )
    package static let backendRequests = MetricDefinition(
        "containerssh_backend_requests_total",
        .counter,
        unit: "requests_total",
        help: "Calls made to the backend that runs the programs.",
        labels: ["backend"]
    )
    package static let backendErrors = MetricDefinition(
        "containerssh_backend_errors_total",
        .counter,
        unit: "errors_total",
        help: "Calls to the backend that failed.",
        labels: ["backend", "failure"]
    )
    package static let authRequests = MetricDefinition(
        "containerssh_auth_server_requests_total",
        .counter,
        unit: "requests_total",
        help: "Requests sent to the authentication server.",
        labels: ["authtype", "retry"]
    )
    package static let authFailures = MetricDefinition(
        "containerssh_auth_server_failures_total",
        .counter,
        unit: "failures_total",
        help: "Failed requests to the authentication server.",
        labels: ["type", "authtype", "retry", "reason"]
    )
    package static let authAccepted = MetricDefinition(
        "containerssh_auth_success_total",
        .counter,
        unit: "success_total",
        help: "Answers of the authentication server that said yes.",
        labels: ["authtype", "retry", "country"]
    )
    package static let authRefused = MetricDefinition(
        "containerssh_auth_failures_total",
        .counter,
        unit: "failures_total",
        help: "Answers of the authentication server that said no.",
        labels: ["authtype", "retry", "country"]
    )
    package static let refusedLogins = MetricDefinition(
        "berth_login_refusals_total",
        .counter,
        unit: "refusals_total",
        help: "Login attempts that were refused, by the message code of the refusal.",
        labels: ["method", "code"]
    )
    package static let loginsFromCache = MetricDefinition(
        "berth_cached_logins_total",
        .counter,
        unit: "logins_total",
        help: "Logins with a public key that counted while the webhook did not answer.",
        labels: []
    )
    package static let connections = MetricDefinition(
        "containerssh_ssh_connections_total",
        .counter,
        unit: "connections_total",
        help: "SSH connections since the start.",
        labels: ["country"]
    )
    package static let currentConnections = MetricDefinition(
        "containerssh_ssh_current_connections",
        .gauge,
        unit: "connections",
        help: "SSH connections that are open now.",
        labels: ["country"]
    )
    package static let successfulHandshakes = MetricDefinition(
        "containerssh_ssh_successful_handshakes_total",
        .counter,
        unit: "handshakes_total",
        help: "SSH connections that were authenticated and got their backend.",
        labels: ["country"]
    )
    package static let failedHandshakes = MetricDefinition(
        "containerssh_ssh_failed_handshakes_total",
        .counter,
        unit: "handshakes_total",
        help: "SSH connections that ended before they had a backend.",
        labels: ["country"]
    )
    package static let handshakeTime = MetricDefinition(
        "berth_ssh_handshake_seconds",
        .histogram(bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]),
        unit: "seconds",
        help: "Time from the accepted connection to the authenticated user with a backend."
    )
    package static let loginStageTime = MetricDefinition(
        "berth_login_stage_seconds",
        .histogram(bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30]),
        unit: "seconds",
        help: "Time that a stage of a login took.",
        labels: ["stage"]
    )
    package static let backendStartTime = MetricDefinition(
        "berth_backend_start_seconds",
        .histogram(bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]),
        unit: "seconds",
        help: "Time the backend took to start the workspace of a connection.",
        labels: ["backend"]
    )
    package static let disconnects = MetricDefinition(
        "berth_ssh_disconnects_total",
        .counter,
        unit: "disconnects_total",
        help: "Ended SSH connections by the reason of RFC 4253 and the side that gave it.",
        labels: ["reason", "side"]
    )
    package static let limitsReached = MetricDefinition(
        "berth_limits_reached_total",
        .counter,
        unit: "reached_total",
        help: "Clients refused, dropped, penalized or ended by a limit, by message code.",
        labels: ["code"]
    )
    package static let penalizedSources = MetricDefinition(
        "berth_limits_penalized_sources",
        .gauge,
        unit: "sources",
        help: "Sources that are refused now because of failed attempts.",
        labels: ["kind"]
    )
    package static let startups = MetricDefinition(
        "berth_ssh_startups",
        .gauge,
        unit: "startups",
        help: "SSH connections that are not authenticated yet."
    )
    package static let poolHits = MetricDefinition(
        "berth_pool_hits_total",
        .counter,
        unit: "hits_total",
        help: "Connections that got a container which had been waiting.",
        labels: ["backend"]
    )
    package static let poolMisses = MetricDefinition(
        "berth_pool_misses_total",
        .counter,
        unit: "misses_total",
        help: "Connections that had to wait for a container although there is a pool.",
        labels: ["backend"]
    )
    package static let poolFailures = MetricDefinition(
        "berth_pool_failures_total",
        .counter,
        unit: "failures_total",
        help: "Containers that could not be started for the pool.",
        labels: ["backend"]
    )
    package static let poolWaiting = MetricDefinition(
        "berth_pool_waiting",
        .gauge,
        unit: "waiting",
        help: "Started containers that wait for somebody.",
        labels: ["backend"]
    )
    package static let exportedSpans = MetricDefinition(
        "berth_trace_spans_exported_total",
        .counter,
        unit: "exported_total",
        help: "Spans that the collector of traces took."
    )
    package static let droppedSpans = MetricDefinition(
        "berth_trace_spans_dropped_total",
        .counter,
        unit: "dropped_total",
        help: "Spans that no collector got: the queue was full, or they were refused or given up.",
        labels: ["reason"]
    )
    package static let reportingInstances = MetricDefinition(
        "berth_metrics_reporting_instances",
        .gauge,
        unit: "instances",
        help: "Processes whose metrics arrived lately.",
        labels: ["daemon"]
    )
    package static let droppedSeries = MetricDefinition(
        "berth_metrics_dropped_series_total",
        .counter,
        unit: "series_total",
        help: "Series that were refused because of their name, their labels or the bound.",
        labels: ["daemon"]
    )

    package static let all: [MetricDefinition] =
        [
            configRequests, configFailures, backendRequests, backendErrors, authRequests,
            authFailures,
            authAccepted, authRefused, refusedLogins, loginsFromCache, connections,
            currentConnections,
            successfulHandshakes, failedHandshakes, handshakeTime, loginStageTime,
            backendStartTime, disconnects,
            limitsReached, penalizedSources, startups, poolHits, poolMisses, poolFailures,
            poolWaiting,
        ] + recordingMetrics + [exportedSpans, droppedSpans, reportingInstances, droppedSeries]

    /// The metric of that exact name, or `nil` when the catalogue has none.
    package static func definition(of name: String) -> MetricDefinition? { byName[name] }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
