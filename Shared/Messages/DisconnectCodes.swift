/// How connections end: one code for each reason of RFC 4253 §11.1, whoever gives it.
///
/// The record's label `side` is `local` where this server gave the reason and `remote` where the
/// client did; `text` is what was said with it.
extension MessageCode {
    package static let sshDisconnectHostNotAllowed = MessageCode(
        "SSH_DISCONNECT_HOST_NOT_ALLOWED",
        .info,
        isAudit: true,
        explanation: "A connection ended as its host may not connect (reason 1).",
        personText: "Your address is not allowed to connect here.",
        remedy: "Nothing if the rules for addresses want it so; else change them."
    )

    package static let sshDisconnectProtocolError = MessageCode(
        "SSH_DISCONNECT_PROTOCOL_ERROR",
        .info,
        isAudit: true,
        explanation: "A connection ended as one side broke the protocol (reason 2).",
        personText: "The connection broke the rules of SSH.",
        remedy: """
            Nothing for a single one: port scanners cause it. If a client of yours does, its \
            version and the label text say what to report to its makers.
            """
    )

    package static let sshDisconnectKexFailed = MessageCode(
        "SSH_DISCONNECT_KEX_FAILED",
        .info,
        isAudit: true,
        explanation: """
            A connection ended as no keys could be agreed on (reason 3): no common algorithm, or a \
            bad public value.
            """,
        personText: "Your client and this server found no common algorithm.",
        remedy: """
            If the client is one of yours, update it, or add an algorithm that it speaks to \
            ssh.kex, ssh.ciphers or ssh.macs; the label text names the list.
            """
    )

    package static let sshDisconnectReserved = MessageCode(
        "SSH_DISCONNECT_RESERVED",
        .info,
        explanation: "A connection ended with the reserved reason 4, which nobody should give.",
        remedy: "Nothing."
    )

    package static let sshDisconnectMacError = MessageCode(
        "SSH_DISCONNECT_MAC_ERROR",
        .warning,
        isAudit: true,
        explanation: """
            A connection ended as a packet's authentication code was wrong (reason 5): what arrived \
            is not what was sent.
            """,
        personText: "Data was changed on its way; the connection is not safe.",
        remedy: """
            Look at the network between the client and here: broken hardware, or somebody who \
            changes packets.
            """
    )

    package static let sshDisconnectCompressionError = MessageCode(
        "SSH_DISCONNECT_COMPRESSION_ERROR",
        .info,
        explanation: """
            A connection ended over compression (reason 6); this server sends and takes everything \
            uncompressed.
            """,
        personText: "This server does not compress; allow your client to go without.",
        remedy: "Have the client offer no compression as well (for OpenSSH: Compression no)."
    )

    package static let sshDisconnectServiceNotAvailable = MessageCode(
        "SSH_DISCONNECT_SERVICE_NOT_AVAILABLE",
        .info,
        explanation: """
            A connection ended as a service was asked for that there is not (reason 7), or that is \
            not available now.
            """,
        personText: "The service your client asked for is not available.",
        remedy: """
            Nothing for a client that asks for an unknown service; if the label text names a \
            backend, look there.
            """
    )

    package static let sshDisconnectVersionNotSupported = MessageCode(
        "SSH_DISCONNECT_VERSION_NOT_SUPPORTED",
        .info,
        explanation: "A connection ended as one side does not speak SSH 2.0 (reason 8).",
        personText: "Protocol version not supported; this is SSH 2.0.",
        remedy: "Replace the client; SSH 1 has been unsafe since 1998."
    )

    package static let sshDisconnectHostKeyNotVerified = MessageCode(
        "SSH_DISCONNECT_HOST_KEY_NOT_VERIFIED",
        .warning,
        explanation: """
            A connection ended as the host's key was not trusted (reason 9). From a client it means \
            that this server's key is not the one it knows.
            """,
        personText: "The key of the server is not the expected one.",
        remedy: """
            If the host key was changed on purpose, tell people its fingerprint; if not, find out \
            who answers in this server's place.
            """
    )

    package static let sshDisconnectConnectionLost = MessageCode(
        "SSH_DISCONNECT_CONNECTION_LOST",
        .info,
        explanation: """
            A connection ended without a goodbye (reason 10): the client hung up, the network \
            failed, or too many keepalives stayed unanswered.
            """,
        personText: "The connection was lost.",
        remedy: "Nothing for a single one; for many, look at the network and its idle timeouts."
    )

    package static let sshDisconnectByApplication = MessageCode(
        "SSH_DISCONNECT_BY_APPLICATION",
        .debug,
        explanation: "One side ended a connection in good order (reason 11).",
        personText: "The connection was ended.",
        remedy: "Nothing."
    )

    package static let sshDisconnectTooManyConnections = MessageCode(
        "SSH_DISCONNECT_TOO_MANY_CONNECTIONS",
        .warning,
        isAudit: true,
        explanation: "A connection ended as there are too many (reason 12).",
        personText: "Too many connections.",
        remedy: "See which limit the record before names, and whose connections they are."
    )

    package static let sshDisconnectAuthCancelled = MessageCode(
        "SSH_DISCONNECT_AUTH_CANCELLED",
        .info,
        explanation: "A person gave up while logging in (reason 13).",
        personText: "Logging in was cancelled.",
        remedy: "Nothing."
    )

    package static let sshDisconnectNoMoreMethods = MessageCode(
        "SSH_DISCONNECT_NO_MORE_METHODS",
        .info,
        isAudit: true,
        explanation: """
            A connection ended as there was no further way to log in (reason 14): too many \
            failures, or a client with nothing left to try.
            """,
        personText: "Too many authentication failures.",
        remedy: """
            Nothing for a single one. People with many keys in their agent need IdentitiesOnly; \
            ssh.maxAuthTries sets the limit.
            """
    )

    package static let sshDisconnectIllegalUserName = MessageCode(
        "SSH_DISCONNECT_ILLEGAL_USER_NAME",
        .info,
        isAudit: true,
        explanation: "A connection ended as its user name cannot be one (reason 15).",
        personText: "This user name is not allowed.",
        remedy: "Nothing: the name is empty, too long, or holds control characters."
    )

    package static let sshDisconnectUnknown = MessageCode(
        "SSH_DISCONNECT_UNKNOWN",
        .info,
        explanation: """
            A connection ended with a reason that RFC 4253 does not know; the label reasonCode has \
            its number.
            """,
        remedy: "Nothing; the label text may say what the client meant."
    )

    static let disconnectCodes: [MessageCode] = [
        sshDisconnectHostNotAllowed, sshDisconnectProtocolError, sshDisconnectKexFailed,
        sshDisconnectReserved, sshDisconnectMacError, sshDisconnectCompressionError,
        sshDisconnectServiceNotAvailable, sshDisconnectVersionNotSupported,
        sshDisconnectHostKeyNotVerified, sshDisconnectConnectionLost,
        sshDisconnectByApplication, sshDisconnectTooManyConnections,
        sshDisconnectAuthCancelled, sshDisconnectNoMoreMethods, sshDisconnectIllegalUserName,
        sshDisconnectUnknown,
    ]
}
