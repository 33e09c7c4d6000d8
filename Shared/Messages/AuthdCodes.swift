/// Codes of authd: decisions about logins, and changes of its users.
extension MessageCode {
    package static let authdAccepted = MessageCode(
        "AUTHD_ACCEPTED",
        .info,
        explanation: "A question about a login was answered with yes.",
        remedy: "Nothing."
    )

    package static let authdRefused = MessageCode(
        "AUTHD_REFUSED",
        .info,
        explanation: """
            A question about a login was answered with no; the label reason says why. The gateway \
            and the person are not told.
            """,
        remedy: "Nothing, unless the person has a right to log in."
    )

    package static let authdUserAdded = MessageCode(
        "AUTHD_USER_ADDED",
        .notice,
        isAudit: true,
        explanation: "A user was added.",
        remedy: "Nothing, if it was you."
    )

    package static let authdUserChanged = MessageCode(
        "AUTHD_USER_CHANGED",
        .notice,
        isAudit: true,
        explanation: """
            A user was changed: disabled or enabled, or other groups, names, metadata or \
            environment; the label change says which.
            """,
        remedy: "Nothing, if it was you."
    )

    package static let authdUserRemoved = MessageCode(
        "AUTHD_USER_REMOVED",
        .notice,
        isAudit: true,
        explanation: "A user was removed with all keys.",
        remedy: "Nothing, if it was you."
    )

    package static let authdPasswordChanged = MessageCode(
        "AUTHD_PASSWORD_CHANGED",
        .notice,
        isAudit: true,
        explanation: "The password of a user was set or taken away.",
        remedy: "Nothing, if it was you."
    )

    package static let authdKeyAdded = MessageCode(
        "AUTHD_KEY_ADDED",
        .notice,
        isAudit: true,
        explanation: "A user got a public key; the label fingerprint names it.",
        remedy: "Nothing, if it was you."
    )

    package static let authdKeyRemoved = MessageCode(
        "AUTHD_KEY_REMOVED",
        .notice,
        isAudit: true,
        explanation: "A public key was taken from a user; the label fingerprint names it.",
        remedy: "Nothing, if it was you."
    )

    package static let authdUserUnknown = MessageCode(
        "AUTHD_USER_UNKNOWN",
        .info,
        explanation: "There is no user of that name.",
        remedy: "Look up the names with: berth user list."
    )

    package static let authdUserExists = MessageCode(
        "AUTHD_USER_EXISTS",
        .info,
        explanation: "There is a user of that name already.",
        remedy: "Choose another name, or change the user that is there."
    )

    package static let authdNameInvalid = MessageCode(
        "AUTHD_NAME_INVALID",
        .info,
        explanation: """
            A name of a user, a group or a login has characters that are not allowed.
            """,
        remedy: """
            Use at most 64 ASCII letters, digits and the characters . _ - @ + and begin with a \
            letter, a digit or _.
            """
    )

    package static let authdPasswordInvalid = MessageCode(
        "AUTHD_PASSWORD_INVALID",
        .info,
        explanation: "The password is empty, longer than 511 bytes or holds a zero byte.",
        remedy: "Choose another password."
    )

    package static let authdKeyInvalid = MessageCode(
        "AUTHD_KEY_INVALID",
        .info,
        explanation: "The public key cannot be read, is of a kind not known here, or has options.",
        remedy: "Give one line as in a .pub file: type, base64, comment."
    )

    package static let authdKeyExists = MessageCode(
        "AUTHD_KEY_EXISTS",
        .info,
        explanation: "The user has this public key already.",
        remedy: "Nothing."
    )

    package static let authdKeyUnknown = MessageCode(
        "AUTHD_KEY_UNKNOWN",
        .info,
        explanation: "The user has no public key with that fingerprint.",
        remedy: "Look up the fingerprints with: berth user list --keys."
    )

    package static let authdDatabaseFailed = MessageCode(
        "AUTHD_DATABASE_FAILED",
        .error,
        explanation: "The database of users cannot be opened, read or written.",
        remedy: """
            Check that the directory of authd.database exists, belongs to the process, and has \
            free space.
            """
    )

    package static let authdBusy = MessageCode(
        "AUTHD_BUSY",
        .warning,
        explanation: "More passwords wait to be checked than authd can do in useful time.",
        remedy: """
            See whether somebody is guessing passwords; else give authd more processors, or run \
            several.
            """
    )

    package static let authdHashFailed = MessageCode(
        "AUTHD_HASH_FAILED",
        .error,
        explanation: "The system's password hashing does not work.",
        remedy: "Check that libcrypt knows yescrypt, and that there is memory left."
    )

    static let authdCodes: [MessageCode] = [
        authdAccepted, authdRefused, authdUserAdded, authdUserChanged, authdUserRemoved,
        authdPasswordChanged, authdKeyAdded, authdKeyRemoved, authdUserUnknown, authdUserExists,
        authdNameInvalid, authdPasswordInvalid, authdKeyInvalid, authdKeyExists, authdKeyUnknown,
        authdDatabaseFailed, authdBusy, authdHashFailed,
    ]
}
