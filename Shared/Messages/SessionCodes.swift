/// Codes of what people do with their connections, and what administrators do to them.
extension MessageCode {
    package static let sshClientVersion = MessageCode(
        "SSH_CLIENT_VERSION",
        .debug,
        explanation: "The client has told its version, and the key exchange is done.",
        remedy: "Nothing; the labels hold the version and the algorithms that were agreed on."
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

    static let sessionCodes: [MessageCode] = [
        sshClientVersion, sessionCreated, sessionEnded, sessionProgramStarted,
        sessionProgramEnded, gatewaySessionRevoked, gatewaySessionUnknown, gatewayKillInvalid,
    ]
}
