/// Codes of what people do with their connections, and what administrators do to them.
extension MessageCode {
    package static let sshAlgorithmsAgreed = MessageCode(
        "SSH_ALGORITHMS_AGREED",
        .debug,
        explanation: "The first key exchange with a client is done.",
        remedy: "Nothing; the labels hold the algorithms that were agreed on."
    )

    package static let sessionCreated = MessageCode(
        "SESSION_CREATED",
        .info,
        isAudit: true,
        explanation: "Somebody has logged in, and what they get has been decided.",
        remedy: "Nothing; `berth sessions list` shows the session while it lasts."
    )

    package static let sessionEnded = MessageCode(
        "SESSION_ENDED",
        .info,
        isAudit: true,
        explanation: "Somebody who was logged in has left, or was made to.",
        remedy: "Nothing; the labels hold the cause, the seconds and the bytes."
    )

    package static let sessionProgramStarted = MessageCode(
        "SESSION_PROGRAM_STARTED",
        .info,
        isAudit: true,
        explanation: "A shell, command or subsystem was started.",
        remedy: "Nothing; with log.commands false the record does not hold the command."
    )

    package static let sessionProgramEnded = MessageCode(
        "SESSION_PROGRAM_ENDED",
        .info,
        isAudit: true,
        explanation: "A shell, command or subsystem has ended.",
        remedy: "Nothing; the labels hold the result and the seconds."
    )

    package static let recordingStarted = MessageCode(
        "RECORDING_STARTED",
        .info,
        explanation: "The recording of a connection has begun.",
        remedy: "Nothing; `berth recording` finds it by the label recording."
    )

    package static let recordingStopped = MessageCode(
        "RECORDING_STOPPED",
        .info,
        explanation: "The recording of a connection is complete, and auditd has all of it.",
        remedy: "Nothing; the labels hold its bytes before compression, and the seconds."
    )

    package static let recordingCloseFailed = MessageCode(
        "RECORDING_CLOSE_FAILED",
        .error,
        isAudit: true,
        explanation: "The end of a recording could not be brought to auditd.",
        remedy: """
            Look at auditd and at the network to it; auditd completes the recording itself once \
            the gateway has been silent for long enough, without its last moments.
            """
    )

    package static let recordingSizeLimit = MessageCode(
        "RECORDING_SIZE_LIMIT",
        .warning,
        isAudit: true,
        explanation: "A recording has reached audit.maxSize.",
        personText: "The recording of this session is full; the session ends here.",
        remedy: """
            Raise audit.maxSize, record fewer streams, or set audit.whenFull to stop, so that the \
            session goes on without them.
            """
    )

    package static let gatewaySessionRevoked = MessageCode(
        "GATEWAY_SESSION_REVOKED",
        .notice,
        isAudit: true,
        explanation: "An administrator ended a connection.",
        personText: "An administrator ended this session.",
        remedy: "Nothing, if it was wanted; the labels hold who asked for it, and the reason."
    )

    package static let gatewaySessionUnknown = MessageCode(
        "GATEWAY_SESSION_UNKNOWN",
        .info,
        explanation: "There is no connection with this id on this gateway.",
        remedy: "Look with `berth sessions list`; it may have ended, or be another gateway's."
    )

    package static let gatewayKillInvalid = MessageCode(
        "GATEWAY_KILL_INVALID",
        .info,
        explanation: "The reason for ending a connection is too long, or not one line of text.",
        remedy: "Give a reason of at most 512 bytes, without control characters."
    )

    package static let recordingEchoUnknown = MessageCode(
        "RECORDING_ECHO_UNKNOWN",
        .warning,
        explanation: "Hidden input is to stay out of recordings, but this session's backend can't "
            + "tell when a terminal hides what is typed: it is recorded as it was typed.",
        remedy: "Use a backend with Berth's agent or sandboxes, or turn audit.intercept.stdin off."
    )

    static let sessionCodes: [MessageCode] = [
        sshAlgorithmsAgreed, sessionCreated, sessionEnded, sessionProgramStarted,
        sessionProgramEnded, recordingStarted, recordingStopped, recordingCloseFailed,
        recordingSizeLimit, recordingEchoUnknown, gatewaySessionRevoked, gatewaySessionUnknown,
        gatewayKillInvalid,
    ]
}
