/// Codes of a daemon's start: its configuration, host keys and own health check.
extension MessageCode {
    package static let coreConfigFile = MessageCode(
        "CORE_CONFIG_FILE",
        .debug,
        explanation: "The configuration file named in the record was read.",
        remedy: "Nothing; use it to see which file a process runs with."
    )

    package static let coreConfigError = MessageCode(
        "CORE_CONFIG_ERROR",
        .crit,
        explanation: """
            The configuration cannot be read, or breaks a rule; the daemon does not start.
            """,
        remedy: """
            Correct each key that is listed with its value and rule; try the file with \
            --check-config.
            """
    )

    package static let coreConfigCannotWriteFile = MessageCode(
        "CORE_CONFIG_CANNOT_WRITE_FILE",
        .warning,
        explanation: """
            The file for a generated host key could not be written; the key lives only until the \
            process ends, and clients will see another key after the next start.
            """,
        remedy: """
            Make the directory of the host key writable for the process, or generate keys yourself \
            and name them in ssh.hostkeys.
            """
    )

    package static let coreHostKeyGenerationFailed = MessageCode(
        "CORE_HOST_KEY_GENERATION_FAILED",
        .crit,
        explanation: "No SSH host key could be generated, so the server cannot start.",
        remedy: "Generate a key with ssh-keygen and name it in ssh.hostkeys."
    )

    package static let coreNoHostKeys = MessageCode(
        "CORE_NO_HOST_KEYS",
        .warning,
        explanation: "No host key is configured; one is generated.",
        remedy: """
            Keep the generated file, or name keys in ssh.hostkeys, so that all replicas show the \
            same key.
            """
    )

    package static let coreHealthCheckSuccessful = MessageCode(
        "CORE_HEALTH_CHECK_SUCCESSFUL",
        .info,
        explanation: "The health check asked for on the command line succeeded.",
        remedy: "Nothing."
    )

    package static let coreHealthCheckFailed = MessageCode(
        "CORE_HEALTH_CHECK_FAILED",
        .crit,
        explanation: "The health check asked for on the command line got no good answer.",
        remedy: """
            See whether the daemon runs, whether health.client.url points at it, and what /readyz \
            gives as reason.
            """
    )

    static let coreCodes: [MessageCode] = [
        coreConfigFile, coreConfigError, coreConfigCannotWriteFile, coreHostKeyGenerationFailed,
        coreNoHostKeys, coreHealthCheckSuccessful, coreHealthCheckFailed,
    ]
}
