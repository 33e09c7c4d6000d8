/// Codes of the HTTP client and server that the daemons use.
extension MessageCode {
    package static let httpClientRequest = MessageCode(
        "HTTP_CLIENT_REQUEST",
        .debug,
        explanation: "An HTTP request is about to be sent.",
        remedy: "Nothing."
    )

    package static let httpClientResponse = MessageCode(
        "HTTP_CLIENT_RESPONSE",
        .debug,
        explanation: """
            The head of an HTTP reply has arrived; the label statusCode holds its status.
            """,
        remedy: "Nothing."
    )

    package static let httpClientRedirect = MessageCode(
        "HTTP_CLIENT_REDIRECT",
        .debug,
        explanation: "The server redirected the request, and the client follows.",
        remedy: "Configure the final URL to save the detour."
    )

    package static let httpClientRedirectsDisabled = MessageCode(
        "HTTP_CLIENT_REDIRECTS_DISABLED",
        .warning,
        explanation: """
            The server answered with a redirect, which is not followed unless the configuration \
            allows it.
            """,
        remedy: """
            Configure the final URL, or set allowRedirects if you trust where the server may \
            point.
            """
    )

    package static let httpClientConnectionFailed = MessageCode(
        "HTTP_CLIENT_CONNECTION_FAILED",
        .debug,
        explanation: """
            The request failed below HTTP: name look-up, connection, TLS, deadline, or a reply cut \
            short.
            """,
        remedy: """
            Check that the other side runs and listens at that URL, and that certificates and \
            clocks are right.
            """
    )

    package static let httpClientDecodeFailed = MessageCode(
        "HTTP_CLIENT_DECODE_FAILED",
        .debug,
        explanation: "The reply's body is not what was agreed; its status is in the record.",
        remedy: """
            Compare the other side's answer with the published contract; a proxy's error page is a \
            common cause.
            """
    )

    package static let httpClientEncodeFailed = MessageCode(
        "HTTP_CLIENT_ENCODE_FAILED",
        .crit,
        explanation: "A request could not be built from its URL or contents.",
        remedy: "Check the configured URL; if it is right, report this as a defect."
    )

    package static let httpServerEncodeFailed = MessageCode(
        "HTTP_SERVER_ENCODE_FAILED",
        .error,
        explanation: "The own HTTP server could not encode its reply.",
        remedy: "Report this as a defect, with the record."
    )

    package static let httpServerResponseWriteFailed = MessageCode(
        "HTTP_SERVER_RESPONSE_WRITE_FAILED",
        .debug,
        explanation: "The reply could not be sent; usually the caller was gone.",
        remedy: "Nothing, unless it happens all the time: then look at the caller's deadline."
    )

    package static let httpListenFailed = MessageCode(
        "HTTP_LISTEN_FAILED",
        .crit,
        explanation: "An HTTP listener could not be opened.",
        remedy: "See which process holds the address, or configure another one."
    )

    static let httpCodes: [MessageCode] = [
        httpClientRequest, httpClientResponse, httpClientRedirect, httpClientRedirectsDisabled,
        httpClientConnectionFailed, httpClientDecodeFailed, httpClientEncodeFailed,
        httpServerEncodeFailed, httpServerResponseWriteFailed, httpListenFailed,
    ]
}
