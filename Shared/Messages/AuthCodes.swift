/// Codes of authentication as the gateway sees it: the questions to the webhook and its answers.
extension MessageCode {
    package static let auth = MessageCode(
        "AUTH",
        .debug,
        explanation: "The authentication server is about to be asked; once per try.",
        remedy: "Nothing."
    )

    package static let authBackendError = MessageCode(
        "AUTH_BACKEND_ERROR",
        .error,
        explanation: """
            The authentication server could not be asked; the attempt fails when the tries are \
            used up.
            """,
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Check that the authentication server runs and answers; the label reason names the code \
            of the failure.
            """
    )

    package static let authFailed = MessageCode(
        "AUTH_FAILED",
        .debug,
        explanation: "The authentication server refused the attempt.",
        personText: "Authentication failed.",
        remedy: """
            Nothing, if the person has no right to log in; else look at the authentication \
            server's own log.
            """
    )

    package static let authInvalidStatus = MessageCode(
        "AUTH_INVALID_STATUS",
        .error,
        explanation: "The authentication server answered with a status other than 200.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Look into the authentication server's log for the same connectionId."
    )

    package static let authNotSupported = MessageCode(
        "AUTH_NOT_SUPPORTED",
        .info,
        explanation: "The client tried a way of logging in that is not offered here.",
        personText: "This way of logging in is not offered.",
        remedy: "Nothing; offer the method in the auth section if people need it."
    )

    package static let authSuccessful = MessageCode(
        "AUTH_SUCCESSFUL",
        .debug,
        explanation: "The authentication server accepted the attempt.",
        remedy: "Nothing."
    )

    package static let authAvailable = MessageCode(
        "AUTH_AVAILABLE",
        .info,
        explanation: "The authentication server listens and can be asked.",
        remedy: "Nothing."
    )

    static let authCodes: [MessageCode] = [
        auth, authBackendError, authFailed, authInvalidStatus, authNotSupported, authSuccessful,
        authAvailable,
    ]
}
