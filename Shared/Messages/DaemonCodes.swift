/// Codes of reloading and stopping a daemon.
extension MessageCode {
    package static let coreConfigReloaded = MessageCode(
        "CORE_CONFIG_RELOADED",
        .notice,
        explanation: "The configuration was read again on SIGHUP and is in use.",
        remedy: """
            Nothing; what a daemon takes only when it starts (databases, listeners of HTTP) keeps \
            what it was started with.
            """
    )

    package static let coreConfigReloadFailed = MessageCode(
        "CORE_CONFIG_RELOAD_FAILED",
        .error,
        explanation: """
            The configuration was to be read again on SIGHUP, but has the problems listed; the \
            daemon goes on with the one it had.
            """,
        remedy:
            "Correct each key that is listed, try the file with --check-config, send SIGHUP again."
    )

    package static let coreStartFailed = MessageCode(
        "CORE_START_FAILED",
        .crit,
        explanation: "The daemon could not be started, or ended with an error.",
        remedy: "Act on the reason in the record."
    )

    package static let serviceStopTimeout = MessageCode(
        "SERVICE_STOP_TIMEOUT",
        .error,
        explanation: """
            Some service did not end within service.shutdownTimeout, not even when cancelled; the \
            process leaves without it.
            """,
        remedy: "Report this as a defect, with the records since SERVICE_POOL_STOPPING."
    )

    package static let serviceStopHurried = MessageCode(
        "SERVICE_STOP_HURRIED",
        .notice,
        explanation: "The daemon was told to stop while it was stopping; it waits for nobody more.",
        remedy: "Nothing; connections that were still open have been ended."
    )

    static let daemonCodes: [MessageCode] = [
        coreConfigReloaded, coreConfigReloadFailed, coreStartFailed, serviceStopTimeout,
        serviceStopHurried,
    ]
}
