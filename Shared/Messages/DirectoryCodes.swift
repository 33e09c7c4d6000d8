/// Codes of authd's directory (LDAP).
extension MessageCode {
    package static let authdLDAPUnavailable = MessageCode(
        "AUTHD_LDAP_UNAVAILABLE",
        .error,
        explanation: """
            authd could not decide a login: no server of its directory has answered, or none lets \
            authd look people up.
            """,
        remedy: """
            See that a server of `authd.ldap` can be reached and takes the account `bindDN`; the \
            detail says what the last one said.
            """
    )

    package static let authdLDAPServerDown = MessageCode(
        "AUTHD_LDAP_SERVER_DOWN",
        .warning,
        explanation: """
            A server of the directory does not answer and is left out for a while; the label \
            reason says why.
            """,
        remedy: "See to the server, or to its certificate if the reason speaks of one."
    )

    package static let authdLDAPServerUp = MessageCode(
        "AUTHD_LDAP_SERVER_UP",
        .notice,
        explanation: "A server of the directory answers again.",
        remedy: "Nothing."
    )

    package static let authdLDAPInvalid = MessageCode(
        "AUTHD_LDAP_INVALID",
        .error,
        explanation: "A file that `authd.ldap` names cannot be used; authd does not start.",
        remedy: "See that the file is there and that authd may read it."
    )

    package static let authdLDAPEntryUnusable = MessageCode(
        "AUTHD_LDAP_ENTRY_UNUSABLE",
        .warning,
        explanation: """
            Somebody was refused for what the directory has about them: several entries, an entry \
            with no name or several, or too many groups; the label reason says which.
            """,
        remedy: "Change the entry, or the filters in `authd.ldap`, so that they find one."
    )

    package static let authdLDAPPasswordExpired = MessageCode(
        "AUTHD_LDAP_PASSWORD_EXPIRED",
        .info,
        explanation: """
            Somebody has given the right password of the directory, which has expired or must be \
            changed first.
            """,
        personText: "Your password has expired. Change it first.",
        remedy: "Nothing: the person has been told."
    )

    static let directoryCodes: [MessageCode] = [
        authdLDAPUnavailable, authdLDAPServerDown, authdLDAPServerUp, authdLDAPInvalid,
        authdLDAPEntryUnusable, authdLDAPPasswordExpired,
    ]
}
