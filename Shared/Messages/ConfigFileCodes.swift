/// Codes of loading the configuration: what is accepted, but worth a word.
extension MessageCode {
    package static let configListenDeprecated = MessageCode(
        "CONFIG_LISTEN_DEPRECATED",
        .warning,
        explanation: "The configuration uses the key listen, which ssh.listen replaces.",
        remedy: "Move the value to ssh.listen."
    )

    package static let dockerrunDeprecated = MessageCode(
        "DOCKERRUN_DEPRECATED",
        .warning,
        explanation: """
            The configuration uses the backend dockerrun, which the backend docker has replaced; \
            its settings were taken over.
            """,
        remedy: "Choose the backend docker and move the settings there; --dump-config shows them."
    )

    package static let configKeyWithoutEffect = MessageCode(
        "CONFIG_KEY_WITHOUT_EFFECT",
        .warning,
        explanation: "The configuration holds a key that is accepted and does nothing.",
        remedy: "Remove the key."
    )

    package static let configAlgorithmNotOffered = MessageCode(
        "CONFIG_ALGORITHM_NOT_OFFERED",
        .warning,
        explanation: """
            The configuration names an algorithm that is broken or does not exist; it is never \
            offered.
            """,
        remedy: "Remove the name. Clients that speak nothing newer cannot connect."
    )

    package static let configAlgorithmWeak = MessageCode(
        "CONFIG_ALGORITHM_WEAK",
        .warning,
        explanation: """
            The configuration asks for an algorithm that is out of date; it is offered as it asks.
            """,
        remedy: "Remove the name as soon as every client speaks something newer."
    )

    package static let configVariableUnknown = MessageCode(
        "CONFIG_VARIABLE_UNKNOWN",
        .warning,
        explanation: """
            An environment variable begins with BERTH_ but names no key of the configuration; it \
            is ignored.
            """,
        remedy: """
            Correct the name: BERTH_ and the key path with two underscores between its levels. \
            Variables that the platform sets for a service called berth can be ignored.
            """
    )

    package static let configRedactionUnavailable = MessageCode(
        "CONFIG_REDACTION_UNAVAILABLE",
        .warning,
        explanation: """
            Hidden input is to stay out of recordings, but the configured backend can't tell when a \
            terminal hides what is typed: it is recorded as it was typed.
            """,
        remedy: """
            Turn audit.intercept.stdin off, or use the backend sandbox, oci, or docker or kubernetes \
            with Berth's agent.
            """
    )

    static let configFileCodes: [MessageCode] = [
        configListenDeprecated, dockerrunDeprecated, configKeyWithoutEffect,
        configAlgorithmNotOffered, configAlgorithmWeak, configVariableUnknown,
        configRedactionUnavailable,
    ]
}
