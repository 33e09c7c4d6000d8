/// Codes of choosing a connection's configuration: the configuration webhook and the merge.
extension MessageCode {
    package static let backendConfigError = MessageCode(
        "BACKEND_CONFIG_ERROR",
        .error,
        explanation: """
            The configuration merged for this person breaks a rule; the connection was refused.
            """,
        personText: """
            Your session is not configured correctly on the server. Please tell its administrator.
            """,
        remedy: "Correct the keys in the configuration server's reply; the record lists them."
    )

    package static let configBackendError = MessageCode(
        "CONFIG_BACKEND_ERROR",
        .error,
        explanation: """
            The configuration server could not be asked; the connection is refused when the tries \
            are used up.
            """,
        personText: "Your session cannot be prepared right now. Please try again later.",
        remedy: "Check that the configuration server runs and answers within configserver.timeout."
    )

    package static let configInvalidStatusCode = MessageCode(
        "CONFIG_INVALID_STATUS_CODE",
        .error,
        explanation: "The configuration server answered with a status other than 200.",
        personText: "Your session cannot be prepared right now. Please try again later.",
        remedy: "Look into the configuration server's log for the same connectionId."
    )

    package static let configRequest = MessageCode(
        "CONFIG_REQUEST",
        .debug,
        explanation: "The configuration server is about to be asked; once per try.",
        remedy: "Nothing."
    )

    package static let configResponse = MessageCode(
        "CONFIG_RESPONSE",
        .debug,
        explanation: "The configuration server's reply has arrived and was understood.",
        remedy: "Nothing."
    )

    package static let configServerAvailable = MessageCode(
        "CONFIG_SERVER_AVAILABLE",
        .info,
        explanation: "The configuration server listens and can be asked.",
        remedy: "Nothing."
    )

    package static let configAuthUrlDeprecated = MessageCode(
        "CONFIG_AUTH_URL_DEPRECATED",
        .warning,
        explanation: "The configuration uses auth.url, which newer keys replace; it still works.",
        remedy: "Move the URL to auth.password.webhook.url and auth.publicKey.webhook.url."
    )

    static let configCodes: [MessageCode] = [
        backendConfigError, configBackendError, configInvalidStatusCode, configRequest,
        configResponse, configServerAvailable, configAuthUrlDeprecated,
    ]
}
