/// Codes of our own HTTP client and server, beside those kept from ContainerSSH.
extension MessageCode {
    package static let httpClientReplyTooLarge = MessageCode(
        "HTTP_CLIENT_REPLY_TOO_LARGE",
        .debug,
        explanation: "The reply's body is longer than the caller accepts.",
        remedy: "Find out what answers at that URL; no agreed reply is that long."
    )

    package static let httpClientRedirectRefused = MessageCode(
        "HTTP_CLIENT_REDIRECT_REFUSED",
        .debug,
        explanation: """
            A redirect was not followed: too many in a row, away from https, or to something that \
            is not HTTP.
            """,
        remedy: "Configure the final URL."
    )

    package static let httpClientTLSFailed = MessageCode(
        "HTTP_CLIENT_TLS_FAILED",
        .crit,
        explanation: "A certificate or key for calling an HTTP service cannot be read.",
        remedy: "Check cacert, cert and key of the section that names the URL."
    )

    package static let httpServerBadRequest = MessageCode(
        "HTTP_SERVER_BAD_REQUEST",
        .info,
        explanation: "A request could not be understood.",
        remedy: "Compare the caller's request with the published contract."
    )

    package static let httpServerNotFound = MessageCode(
        "HTTP_SERVER_NOT_FOUND",
        .info,
        explanation: "There is nothing under the path of the request.",
        remedy: "Check the URL configured at the caller."
    )

    package static let httpServerBodyTooLarge = MessageCode(
        "HTTP_SERVER_BODY_TOO_LARGE",
        .info,
        explanation: "The body of a request is longer than its route accepts.",
        remedy: "Compare the caller's request with the published contract."
    )

    package static let httpServerRefused = MessageCode(
        "HTTP_SERVER_REFUSED",
        .info,
        explanation: "A request was refused.",
        remedy: "The message beside the code says why."
    )

    package static let httpServerInternalError = MessageCode(
        "HTTP_SERVER_INTERNAL_ERROR",
        .error,
        explanation: "A request failed for a reason inside the server.",
        remedy: "Read the server's log of the same request; report it if it stays unclear."
    )

    package static let httpServerRequest = MessageCode(
        "HTTP_SERVER_REQUEST",
        .debug,
        explanation: "A request was answered.",
        remedy: "Nothing."
    )

    package static let httpServerAvailable = MessageCode(
        "HTTP_SERVER_AVAILABLE",
        .info,
        explanation: "An HTTP listener is open.",
        remedy: "Nothing."
    )

    package static let httpServerTLSFailed = MessageCode(
        "HTTP_SERVER_TLS_FAILED",
        .crit,
        explanation: "The certificate, key or certificate authority of a listener cannot be used.",
        remedy: "Check that the files can be read, belong together and are in PEM form."
    )

    package static let httpServerInsecureListen = MessageCode(
        "HTTP_SERVER_INSECURE_LISTEN",
        .crit,
        explanation: """
            A listener would be reachable from other machines without TLS, which is refused.
            """,
        remedy: """
            Configure cert, key and clientcacert, listen on a loopback address or a Unix socket, \
            or set allowInsecure if something else protects the connection.
            """
    )

    package static let httpServerReady = MessageCode(
        "HTTP_SERVER_READY",
        .debug,
        explanation: "Every check of readiness passes.",
        remedy: "Nothing."
    )

    package static let httpServerNotReady = MessageCode(
        "HTTP_SERVER_NOT_READY",
        .warning,
        explanation: "A check of readiness fails; the reasons are in the reply.",
        remedy: "See to the component that the reason names."
    )

    static let httpRefusalCodes: [MessageCode] = [
        httpClientReplyTooLarge, httpClientRedirectRefused, httpClientTLSFailed,
        httpServerBadRequest,
        httpServerNotFound, httpServerBodyTooLarge, httpServerRefused, httpServerInternalError,
        httpServerRequest, httpServerAvailable, httpServerTLSFailed, httpServerInsecureListen,
        httpServerReady, httpServerNotReady,
    ]
}
