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
        explanation: """
            The public key cannot be read, is of a kind not known here, or has options that could \
            not be heeded.
            """,
        remedy: """
            Give one line as in authorized_keys: options, type, base64, comment. \
            docs/authentication.md lists the options.
            """
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

    package static let authdKerberosFailed = MessageCode(
        "AUTHD_KERBEROS_FAILED",
        .error,
        explanation: """
            authd could not decide a Kerberos login: its keytab cannot be used, or no KDC \
            answers.
            """,
        remedy: """
            See that the keytab of `authd.kerberos` is there, readable and current, and that \
            krb5.conf names KDCs that answer.
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

    package static let authdGroupChanged = MessageCode(
        "AUTHD_GROUP_CHANGED",
        .notice,
        isAudit: true,
        explanation: "What a group brings its members was changed, or the group was removed.",
        remedy: "Nothing, if it was you."
    )

    package static let authdGroupUnknown = MessageCode(
        "AUTHD_GROUP_UNKNOWN",
        .info,
        explanation: "There is no group of that name.",
        remedy: "Look up the names with: berth group list."
    )

    package static let authdDateInvalid = MessageCode(
        "AUTHD_DATE_INVALID",
        .info,
        explanation: "A date is not written as 2026-12-31 or 2026-12-31T18:00:00Z.",
        remedy: "Write the date so."
    )

    package static let authdTokenChanged = MessageCode(
        "AUTHD_TOKEN_CHANGED",
        .notice,
        isAudit: true,
        explanation: "A token for the administration of authd was made or removed.",
        remedy: "Nothing, if it was you."
    )

    package static let authdTokenExists = MessageCode(
        "AUTHD_TOKEN_EXISTS",
        .info,
        explanation: "There is a token of that name already.",
        remedy: "Choose another name, or remove the token first."
    )

    package static let authdTokenUnknown = MessageCode(
        "AUTHD_TOKEN_UNKNOWN",
        .info,
        explanation: "There is no token of that name.",
        remedy: "Look up the names with: berth token list."
    )

    package static let authdTokenRefused = MessageCode(
        "AUTHD_TOKEN_REFUSED",
        .warning,
        isAudit: true,
        explanation: """
            A call of the administration came without a token where one is needed, with one that \
            is unknown or has expired, or with one that may only read.
            """,
        remedy: "Give a valid token with --token-file; berth token add makes one."
    )

    package static let authdBackupMade = MessageCode(
        "AUTHD_BACKUP_MADE",
        .notice,
        isAudit: true,
        explanation: "Somebody was given a copy of the whole database of users.",
        remedy: "Nothing, if it was you; the copy holds the hashes of all passwords."
    )

    package static let authdSecondFactorChanged = MessageCode(
        "AUTHD_SECOND_FACTOR_CHANGED",
        .notice,
        isAudit: true,
        explanation: """
            Codes of an authenticator app were begun to be set up for a user, confirmed, or \
            removed; the label change says which.
            """,
        remedy: "Nothing, if it was you."
    )

    package static let authdSecondFactorUnknown = MessageCode(
        "AUTHD_SECOND_FACTOR_UNKNOWN",
        .info,
        explanation: "No codes of an authenticator app are set up for the user.",
        remedy: "Set them up with: berth user totp NAME."
    )

    package static let authdCodeWrong = MessageCode(
        "AUTHD_CODE_WRONG",
        .info,
        explanation: "The code is not the one that the app shows now.",
        remedy: "Check that the clocks of the phone and of this machine are right."
    )

    package static let authdCodeReplayed = MessageCode(
        "AUTHD_CODE_REPLAYED",
        .warning,
        isAudit: true,
        explanation: "A code that had let somebody in before was used once more, and refused.",
        remedy: "Ask the user: somebody may have watched them type it."
    )

    package static let authdRecoveryCodeUsed = MessageCode(
        "AUTHD_RECOVERY_CODE_USED",
        .warning,
        isAudit: true,
        explanation: "Somebody logged in with a recovery code in the place of their app's code.",
        remedy: "Ask the user; if the phone is lost, set the codes up anew."
    )

    static let authdCodes: [MessageCode] = [
        authdAccepted, authdRefused, authdUserAdded, authdUserChanged, authdUserRemoved,
        authdPasswordChanged, authdKeyAdded, authdKeyRemoved, authdUserUnknown, authdUserExists,
        authdNameInvalid, authdPasswordInvalid, authdKeyInvalid, authdKeyExists, authdKeyUnknown,
        authdDatabaseFailed, authdKerberosFailed, authdBusy, authdHashFailed, authdGroupChanged,
        authdGroupUnknown,
        authdDateInvalid, authdTokenChanged, authdTokenExists, authdTokenUnknown,
        authdTokenRefused, authdBackupMade, authdSecondFactorChanged, authdSecondFactorUnknown,
        authdCodeWrong, authdCodeReplayed, authdRecoveryCodeUsed,
    ]
}
