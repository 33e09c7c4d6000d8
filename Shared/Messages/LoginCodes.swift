// Logins as the gateway judges them, beyond what ContainerSSH's list has codes for.
extension MessageCode {
    package static let sshAuthPartial = MessageCode(
        "SSH_AUTH_PARTIAL",
        .info,
        explanation: "One of the methods that `auth.require` asks for has succeeded; more follow.",
        remedy: "Nothing."
    )
    package static let sshAuthOutOfOrder = MessageCode(
        "SSH_AUTH_OUT_OF_ORDER",
        .info,
        explanation: """
            A client tried a method that is configured, but is not the next one that \
            `auth.require` asks for; it was refused without asking anybody.
            """,
        personText: "Another way of logging in comes first.",
        remedy: "Nothing: clients learn the right methods from the answer."
    )
    package static let sshAuthIdentityChanged = MessageCode(
        "SSH_AUTH_IDENTITY_CHANGED",
        .warning,
        isAudit: true,
        explanation: """
            Two steps of one login were answered with different verified identities; the later \
            one was refused.
            """,
        personText: "Both steps must be taken by the same person.",
        remedy: """
            Look at both identities in the record. Webhooks of different methods must name a \
            person in the same way.
            """
    )
    package static let sshAuthKeyReused = MessageCode(
        "SSH_AUTH_KEY_REUSED",
        .info,
        explanation: "The same public key was offered for two steps of one login.",
        personText: "Another key is needed for the second step.",
        remedy: "Nothing: clients with another key offer that one next."
    )
    package static let sshAuthKeyRejected = MessageCode(
        "SSH_AUTH_KEY_REJECTED",
        .info,
        explanation: """
            A public key was refused before anybody was asked about it: its algorithm is not \
            accepted, its RSA modulus is too short, or it is no key at all.
            """,
        personText: "This key cannot be used here.",
        remedy: """
            The label reason says what is wrong. `auth.publicKey.algorithms` and \
            `auth.publicKey.minimumRSABits` say what is accepted.
            """
    )
    package static let sshAuthKeyRevoked = MessageCode(
        "SSH_AUTH_KEY_REVOKED",
        .warning,
        isAudit: true,
        explanation: "A public key was refused because the revocation list names it.",
        personText: "This key has been revoked.",
        remedy: "Ask its owner how it comes to be used still; it may be in the wrong hands."
    )
    package static let sshAuthRevocationUnreadable = MessageCode(
        "SSH_AUTH_REVOCATION_UNREADABLE",
        .error,
        explanation: """
            The revocation list `auth.certificates.revokedKeys` cannot be read, so nobody can log \
            in with a key or a certificate.
            """,
        personText: "Logging in with a key is not possible right now. Please try again later.",
        remedy: """
            Make the file readable for the gateway, and check it with `ssh-keygen -Q -l -f FILE`; \
            it is read anew at the next login.
            """
    )
    package static let sshAuthTouchRequired = MessageCode(
        "SSH_AUTH_TOUCH_REQUIRED",
        .warning,
        explanation: """
            A security key's signature was refused: nobody touched the key, or the key did not \
            verify the person, as `auth.publicKey` or the certificate demands.
            """,
        personText: "The security key must be touched, or must ask for its PIN.",
        remedy: """
            Keys made with `-O no-touch-required` need a certificate with that extension, and \
            verification needs a key made with `-O verify-required`.
            """
    )
    package static let sshAuthCertAccepted = MessageCode(
        "SSH_AUTH_CERT_ACCEPTED",
        .info,
        isAudit: true,
        explanation: "A login with a user certificate succeeded.",
        remedy: "Nothing: key ID, serial number and authority are in the record."
    )
    package static let sshAuthCertRejected = MessageCode(
        "SSH_AUTH_CERT_REJECTED",
        .warning,
        isAudit: true,
        explanation: """
            A user certificate is in order but not good for this login: its authority is not \
            trusted, it is revoked, or not for this name or this address.
            """,
        personText: "This certificate is not good for this login.",
        remedy: """
            The label reason says what is wrong; `auth.certificates` says whom the gateway trusts. \
            A revoked certificate in use may be in the wrong hands.
            """
    )
    package static let sshAuthCertNoPrincipals = MessageCode(
        "SSH_AUTH_CERT_NO_PRINCIPALS",
        .warning,
        explanation: "A user certificate without principals, good for every name, was refused.",
        personText: "This certificate names no user.",
        remedy: """
            Sign it with `ssh-keygen -n NAME`, or set `auth.certificates.requirePrincipals: false`.
            """
    )
    package static let sshAuthCertInvalid = MessageCode(
        "SSH_AUTH_CERT_INVALID",
        .warning,
        explanation: """
            A certificate was refused for what it is: not a user's, not in its period of validity, \
            wrongly signed, or with a critical option that is not understood.
            """,
        personText: "This certificate is not valid.",
        remedy: """
            The label reason says what is wrong; `ssh-keygen -L -f FILE` shows a certificate. For \
            clocks that differ see `auth.certificates.clockSkew`.
            """
    )
    package static let sshAuthCAUnusable = MessageCode(
        "SSH_AUTH_CA_UNUSABLE",
        .error,
        explanation: """
            An entry of `auth.certificates.trustedCAs` is no public key, nor a file with public \
            keys, so the gateway does not start.
            """,
        remedy:
            "Correct the entry that the record names: a line as in `authorized_keys`, or a path."
    )
    package static let sshAuthKerberosUnavailable = MessageCode(
        "SSH_AUTH_KERBEROS_UNAVAILABLE",
        .error,
        explanation: """
            A method of `auth` is `kerberos` but names no `webhook.url`; the keytab belongs to \
            authd, so the method is not offered.
            """,
        remedy: "Give the method the URL of an authd with the keytab."
    )
    package static let sshAuthKeyboardInteractive = MessageCode(
        "SSH_AUTH_KEYBOARD_INTERACTIVE",
        .debug,
        explanation: "A person logging in is asked a round of questions.",
        remedy: "Nothing."
    )
    package static let sshAuthPasswordChange = MessageCode(
        "SSH_AUTH_PASSWORD_CHANGE_REFUSED",
        .info,
        explanation: "A client wanted to change a password during login, which nobody asked for.",
        personText: "Passwords cannot be changed while logging in.",
        remedy: "Change it where it is kept, with authd by `berth user passwd`."
    )
    package static let sshLoginPrivileged = MessageCode(
        "SSH_LOGIN_PRIVILEGED",
        .notice,
        isAudit: true,
        explanation: "A user that `auth.privilegedUsers` names has logged in.",
        remedy: "Check that the login was expected."
    )

    static let loginCodes: [MessageCode] = [
        sshAuthPartial, sshAuthOutOfOrder, sshAuthIdentityChanged, sshAuthKeyReused,
        sshAuthKeyRejected, sshAuthKeyRevoked, sshAuthRevocationUnreadable, sshAuthTouchRequired,
        sshAuthCertAccepted, sshAuthCertRejected, sshAuthCertNoPrincipals, sshAuthCertInvalid,
        sshAuthCAUnusable, sshAuthKerberosUnavailable,
        sshAuthKeyboardInteractive,
        sshAuthPasswordChange, sshLoginPrivileged,
    ]
}
