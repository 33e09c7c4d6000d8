/// Codes of the SSH server: connections, logins, channels and requests.
extension MessageCode {
    package static let sshAlreadyRunning = MessageCode(
        "SSH_ALREADY_RUNNING",
        .error,
        explanation: "The SSH server was started a second time within one process.",
        remedy: "Report this as a defect."
    )

    package static let sshAuthFailed = MessageCode(
        "SSH_AUTH_FAILED",
        .info,
        isAudit: true,
        explanation: "A login attempt was refused.",
        personText: "Authentication failed.",
        remedy: """
            Nothing for a single one; many from one address are a sign of guessing, see the rate \
            limits.
            """
    )

    package static let sshAuthSuccessful = MessageCode(
        "SSH_AUTH_SUCCESSFUL",
        .info,
        isAudit: true,
        explanation: "A login attempt succeeded; for keys, after the signature was verified.",
        remedy: "Nothing."
    )

    package static let sshAuthUnavailable = MessageCode(
        "SSH_AUTH_UNAVAILABLE",
        .info,
        explanation: """
            A login attempt could not be judged: the method is not configured, or its provider \
            failed.
            """,
        personText: """
            This way of logging in is not available right now. Try another one, or try again \
            later.
            """,
        remedy: """
            If the label reason names a code, act on that; else configure the method or leave it.
            """
    )

    package static let sshAvailable = MessageCode(
        "SSH_AVAILABLE",
        .info,
        explanation: "The SSH server listens at the address in the record.",
        remedy: "Nothing."
    )

    package static let sshBackendRejectedHandshake = MessageCode(
        "SSH_BACKEND_REJECTED_HANDSHAKE",
        .error,
        explanation: """
            The person was authenticated, but the session could not be prepared; the connection is \
            closed.
            """,
        personText: "Your session could not be prepared. Please try again later.",
        remedy: """
            Act on the code of the cause: the configuration webhook, the merged configuration or \
            the backend.
            """
    )

    package static let sshChannelRequest = MessageCode(
        "SSH_CHANNEL_REQUEST",
        .debug,
        explanation: "A request on a channel has arrived.",
        remedy: "Nothing."
    )

    package static let sshChannelRequestFailed = MessageCode(
        "SSH_CHANNEL_REQUEST_FAILED",
        .debug,
        explanation: "A request on a channel was refused.",
        remedy: "Nothing, unless the label reason names a fault of the backend."
    )

    package static let sshChannelRequestSuccessful = MessageCode(
        "SSH_CHANNEL_REQUEST_SUCCESSFUL",
        .debug,
        explanation: "A request on a channel was accepted.",
        remedy: "Nothing."
    )

    package static let sshConnected = MessageCode(
        "SSH_CONNECTED",
        .debug,
        explanation: "A client opened a TCP connection.",
        remedy: "Nothing."
    )

    package static let sshVersionReceived = MessageCode(
        "SSH_VERSION_RECEIVED",
        .debug,
        explanation: "The client has said by its version line which software it is.",
        remedy: "Nothing; the line is the client's claim and proves nothing."
    )

    package static let sshDecodeFailed = MessageCode(
        "SSH_DECODE_FAILED",
        .debug,
        explanation: "A request's payload is malformed; the request was refused.",
        remedy: "Nothing for one client; find out which software sends it if it is yours."
    )

    package static let sshDisconnected = MessageCode(
        "SSH_DISCONNECTED",
        .debug,
        explanation: "A connection ended, with or without a login.",
        remedy: "Nothing."
    )

    package static let sshExit = MessageCode(
        "SSH_EXIT",
        .debug,
        explanation: "A program ended; its exit status is sent to the client.",
        remedy: "Nothing."
    )

    package static let sshExitCodeFailed = MessageCode(
        "SSH_EXIT_CODE_FAILED",
        .debug,
        explanation: "The exit status could not be sent, usually as the client was gone.",
        remedy: "Nothing."
    )

    package static let sshExitSignal = MessageCode(
        "SSH_EXIT_SIGNAL",
        .debug,
        explanation: "A program was ended by a signal; its name is sent to the client.",
        remedy: "Nothing."
    )

    package static let sshHandshakeFailed = MessageCode(
        "SSH_HANDSHAKE_FAILED",
        .info,
        explanation: """
            A connection ended before the session was ready: no common algorithm, no login, or a \
            backend that refused.
            """,
        remedy: "Nothing for a single one; the reason says which step failed."
    )

    package static let sshHandshakeSuccessful = MessageCode(
        "SSH_HANDSHAKE_SUCCESSFUL",
        .debug,
        isAudit: true,
        explanation: "The person is authenticated and the backend is ready: the session begins.",
        remedy: "Nothing."
    )

    package static let sshListenCloseFailed = MessageCode(
        "SSH_LISTEN_CLOSE_FAILED",
        .warning,
        explanation: "Closing the listening socket failed.",
        remedy: "Nothing; the system closes it when the process ends."
    )

    package static let sshNewChannel = MessageCode(
        "SSH_NEW_CHANNEL",
        .debug,
        explanation: "The client opened a channel.",
        remedy: "Nothing."
    )

    package static let sshNewChannelRejected = MessageCode(
        "SSH_NEW_CHANNEL_REJECTED",
        .debug,
        explanation: "A channel was refused by policy or by the backend.",
        personText: "The channel could not be opened.",
        remedy: "See the label reason: either the policy wants it so, or the backend has a fault."
    )

    package static let sshReplySendFailed = MessageCode(
        "SSH_REPLY_SEND_FAILED",
        .debug,
        explanation: "A reply could not be sent, usually as the client was gone.",
        remedy: "Nothing."
    )

    package static let sshStartFailed = MessageCode(
        "SSH_START_FAILED",
        .crit,
        explanation: "The SSH server cannot listen at its address.",
        remedy: """
            See which process holds the address in ssh.listen, or whether the port needs a \
            privilege.
            """
    )

    package static let sshUnsupportedChannelType = MessageCode(
        "SSH_UNSUPPORTED_CHANNEL_TYPE",
        .debug,
        explanation: "The client asked for a type of channel that this server does not know.",
        personText: "This type of channel is not supported.",
        remedy: "Nothing."
    )

    package static let sshUnsupportedGlobalRequest = MessageCode(
        "SSH_UNSUPPORTED_GLOBAL_REQUEST",
        .debug,
        explanation: """
            The client sent a global request that this server does not know; it was answered with \
            a refusal.
            """,
        remedy: "Nothing."
    )

    package static let sshGlobalRequest = MessageCode(
        "SSH_GLOBAL_REQUEST",
        .debug,
        explanation: "A global request has arrived.",
        remedy: "Nothing."
    )

    package static let sshGlobalRequestFailed = MessageCode(
        "SSH_GLOBAL_REQUEST_FAILED",
        .debug,
        explanation: "A global request was refused.",
        remedy: "Nothing, unless the label reason names a fault of the backend."
    )

    package static let sshGlobalRequestSuccessful = MessageCode(
        "SSH_GLOBAL_REQUEST_SUCCESSFUL",
        .debug,
        explanation: "A global request was accepted.",
        remedy: "Nothing."
    )

    package static let sshKeepaliveNoresp = MessageCode(
        "SSH_KEEPALIVE_NORESP",
        .debug,
        explanation: """
            The client left too many keepalive questions unanswered; the connection is closed.
            """,
        personText: "The server heard nothing from your client for too long.",
        remedy: "Nothing; raise ssh.clientAliveCountMax for people on poor links."
    )

    package static let sshSocketReuseFailed = MessageCode(
        "SSH_SOCKET_REUSE_FAILED",
        .warning,
        explanation: """
            The listening address could not be marked for reuse; a restart may find it taken for a \
            minute.
            """,
        remedy: "Nothing, unless a restart fails."
    )

    static let sshCodes: [MessageCode] = [
        sshAlreadyRunning, sshAuthFailed, sshAuthSuccessful, sshAuthUnavailable, sshAvailable,
        sshBackendRejectedHandshake, sshChannelRequest, sshChannelRequestFailed,
        sshChannelRequestSuccessful, sshConnected, sshVersionReceived, sshDecodeFailed,
        sshDisconnected, sshExit,
        sshExitCodeFailed, sshExitSignal, sshHandshakeFailed, sshHandshakeSuccessful,
        sshListenCloseFailed, sshNewChannel, sshNewChannelRejected, sshReplySendFailed,
        sshStartFailed, sshUnsupportedChannelType, sshUnsupportedGlobalRequest,
        sshGlobalRequest, sshGlobalRequestFailed, sshGlobalRequestSuccessful,
        sshKeepaliveNoresp, sshSocketReuseFailed,
    ]
}
