/// Codes of the life of a daemon and of the services in it.
extension MessageCode {
    package static let servicePoolStarting = MessageCode(
        "SERVICE_POOL_STARTING",
        .info,
        explanation: "The daemon starts its services.",
        remedy: "Nothing."
    )

    package static let servicePoolRunning = MessageCode(
        "SERVICE_POOL_RUNNING",
        .notice,
        explanation: """
            Every service of the daemon is up and every listener bound; it takes work from now on.
            """,
        remedy: "Nothing."
    )

    package static let servicePoolStopping = MessageCode(
        "SERVICE_POOL_STOPPING",
        .notice,
        explanation: "The daemon stops: it was told to, or one of its services ended.",
        remedy: "If nobody asked for it, look for SERVICE_CRASHED before this record."
    )

    package static let servicePoolStopped = MessageCode(
        "SERVICE_POOL_STOPPED",
        .notice,
        explanation: "All services of the daemon have ended.",
        remedy: "Nothing, unless a SERVICE_CRASHED came before."
    )

    package static let serviceStarting = MessageCode(
        "SERVICE_STARTING",
        .info,
        explanation: "A service of the daemon starts.",
        remedy: "Nothing."
    )

    package static let serviceRunning = MessageCode(
        "SERVICE_RUNNING",
        .info,
        explanation: "A service of the daemon is up.",
        remedy: "Nothing."
    )

    package static let serviceStopping = MessageCode(
        "SERVICE_STOPPING",
        .info,
        explanation: """
            A service of the daemon begins to stop: it takes no new work and finishes what it has.
            """,
        remedy: "Nothing."
    )

    package static let serviceStopped = MessageCode(
        "SERVICE_STOPPED",
        .info,
        explanation: "A service of the daemon ended normally.",
        remedy: "Nothing."
    )

    package static let serviceCrashed = MessageCode(
        "SERVICE_CRASHED",
        .error,
        explanation: "A service of the daemon ended with an error; the daemon stops.",
        remedy: "Act on the reason in the record, for example an address already in use."
    )

    static let serviceCodes: [MessageCode] = [
        servicePoolStarting, servicePoolRunning, servicePoolStopping, servicePoolStopped,
        serviceStarting, serviceRunning, serviceStopping, serviceStopped, serviceCrashed,
    ]
}
