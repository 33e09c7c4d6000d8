/// Codes of the log itself.
extension MessageCode {
    package static let logFileOpenFailed = MessageCode(
        "LOG_FILE_OPEN_FAILED",
        .crit,
        explanation: "The log file or the syslog connection could not be opened.",
        remedy: """
            Check that the directory of log.file exists and that the process may write there, or \
            that the socket in log.syslog.destination exists.
            """
    )

    package static let logRotateFailed = MessageCode(
        "LOG_ROTATE_FAILED",
        .error,
        explanation: """
            The log could not be reopened on SIGHUP; records go on being written to where they \
            went before.
            """,
        remedy: "Repair what the reason names and send SIGHUP again."
    )

    package static let logWriteFailed = MessageCode(
        "LOG_WRITE_FAILED",
        .error,
        explanation: "Log records could not be written and were dropped; the label says how many.",
        remedy: "Look for a full disk, a stopped syslog daemon or a reader that closed the pipe."
    )

    package static let logQueueFull = MessageCode(
        "LOG_QUEUE_FULL",
        .warning,
        explanation: """
            Records arrived faster than the log's destination took them; those that did not fit \
            into the queue were dropped, the label says how many.
            """,
        remedy: "Lower log.level, or use a faster destination."
    )

    package static let logUncoded = MessageCode(
        "LOG",
        .info,
        explanation: "A record of a library that knows no codes; its text says what happened.",
        remedy: "Nothing, unless its level is warning or higher: then act on the text."
    )

    package static let test = MessageCode(
        "TEST",
        .debug,
        explanation: "A record written by the test suite.",
        remedy: "Nothing; it never appears in a running installation."
    )

    package static let unknownError = MessageCode(
        "UNKNOWN_ERROR",
        .error,
        explanation: "An error occurred that has no code of its own.",
        personText: "Something went wrong on the server.",
        remedy: "Read the reason in the record; if it recurs, report it so that it gets a code."
    )

    static let logCodes: [MessageCode] = [
        logFileOpenFailed, logRotateFailed, logWriteFailed, logQueueFull, logUncoded, test,
        unknownError,
    ]
}
