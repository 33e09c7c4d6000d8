extension MessageCode {
    package static let poolHit = MessageCode(
        "POOL_HIT",
        .debug,
        explanation: "A connection got a container that had been waiting.",
        remedy: "Nothing to do."
    )

    package static let poolMiss = MessageCode(
        "POOL_MISS",
        .debug,
        explanation: "No container was waiting for a connection; one is started for it.",
        remedy: "Raise pool.maximum if this is frequent and the machine has room."
    )

    package static let poolFilled = MessageCode(
        "POOL_FILLED",
        .debug,
        explanation: "A container was started that waits for somebody.",
        remedy: "Nothing to do."
    )

    package static let poolFillFailed = MessageCode(
        "POOL_FILL_FAILED",
        .warning,
        explanation: "A container could not be started for the pool. Connections start their own.",
        remedy: "The cause is in the line; the pool tries again by itself, later each time."
    )

    package static let poolDiscarded = MessageCode(
        "POOL_DISCARDED",
        .debug,
        explanation: "A waiting container was removed unused: it had died, was too old, or nobody "
            + "used its configuration any more.",
        remedy: "Nothing to do."
    )

    static let poolCodes: [MessageCode] = [
        poolHit, poolMiss, poolFilled, poolFillFailed, poolDiscarded,
    ]
}
