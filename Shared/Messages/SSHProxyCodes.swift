/// The codes of the sshproxy backend.
extension MessageCode {
    package static let sshproxyBackendDisconnected = MessageCode(
        "SSHPROXY_BACKEND_DISCONNECTED",
        .debug,
        explanation: "The connection to the target server is closed.",
        personText: "The connection to the target server was lost.",
        remedy: "If it happens in the middle of sessions, look at the target's log and at the "
            + "network between; the label reason says what was seen."
    )

    package static let sshproxyBackendDisconnecting = MessageCode(
        "SSHPROXY_BACKEND_DISCONNECTING",
        .debug,
        explanation: "The connection to the target server is being closed.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyBackendDisconnectFailed = MessageCode(
        "SSHPROXY_BACKEND_DISCONNECT_FAILED",
        .debug,
        explanation: "The connection to the target server could not be closed in an orderly "
            + "way: it no longer took bytes.",
        remedy: "Nothing to do unless it repeats; then the target hangs or the network drops "
            + "packets."
    )

    package static let sshproxyBackendFailed = MessageCode(
        "SSHPROXY_BACKEND_FAILED",
        .error,
        explanation: "The target server could not be reached, or one try to reach it has "
            + "failed.",
        personText: "The target server could not be reached.",
        remedy: "The detail holds the reason of the last try. Check sshproxy.server, "
            + "sshproxy.port, the name server and the firewall; sshproxy.timeout bounds all "
            + "tries together."
    )

    package static let sshproxyBackendForwardFailed = MessageCode(
        "SSHPROXY_BACKEND_FORWARD_FAILED",
        .debug,
        explanation: "The target server refused to open or to accept a forwarded connection.",
        personText: "The target server did not open the connection.",
        remedy: "The detail holds the target's reason and text: its settings "
            + "(AllowTcpForwarding, PermitOpen, PermitListen, GatewayPorts) or what it tried to "
            + "reach."
    )

    package static let sshproxyBackendHandshakeFailed = MessageCode(
        "SSHPROXY_BACKEND_HANDSHAKE_FAILED",
        .error,
        explanation: "The key exchange with the target server or the login there failed.",
        personText: "The target server could not be logged in to.",
        remedy: "The detail says at which step and what the target said. Check "
            + "sshproxy.username, password, privateKey, agentSocket and the lists of "
            + "algorithms."
    )

    package static let sshproxyBackendRequestFailed = MessageCode(
        "SSHPROXY_BACKEND_REQUEST_FAILED",
        .debug,
        explanation: "The target server refused a request, for example an environment "
            + "variable, a terminal or a subsystem.",
        personText: "The target server cannot complete the request.",
        remedy: "The label request names it. An OpenSSH server takes only the variables that "
            + "AcceptEnv lists."
    )

    package static let sshproxyBackendSessionClosed = MessageCode(
        "SSHPROXY_BACKEND_SESSION_CLOSED",
        .debug,
        explanation: "The target server closed a session.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyBackendSessionCloseFailed = MessageCode(
        "SSHPROXY_BACKEND_SESSION_CLOSE_FAILED",
        .debug,
        explanation: "A session on the target server could not be closed before its program "
            + "had started, as the connection was gone.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyBackendSessionClosing = MessageCode(
        "SSHPROXY_BACKEND_SESSION_CLOSING",
        .debug,
        explanation: "A session on the target server is being closed before its program has "
            + "started.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyBackendSessionFailed = MessageCode(
        "SSHPROXY_BACKEND_SESSION_FAILED",
        .debug,
        explanation: "The target server refused a session.",
        personText: "The target server did not open a session.",
        remedy: "The detail holds its reason and text; OpenSSH has the limit MaxSessions."
    )

    package static let sshproxyBackendSignalFailed = MessageCode(
        "SSHPROXY_BACKEND_SIGNAL_FAILED",
        .debug,
        explanation: "A signal could not be handed to the target server: its name is unknown "
            + "or the session has ended.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyBackendWindowChangeFailed = MessageCode(
        "SSHPROXY_BACKEND_WINDOW_CHANGE_FAILED",
        .debug,
        explanation: "The new size of a terminal could not be handed to the target server: the "
            + "session has ended.",
        personText: "The terminal could not be resized.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyChannelCloseFailed = MessageCode(
        "SSHPROXY_CHANNEL_CLOSE_FAILED",
        .debug,
        explanation: "The end of the input could not be handed to the target server: it had "
            + "closed the session.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyConnecting = MessageCode(
        "SSHPROXY_CONNECTING",
        .debug,
        explanation: "The gateway connects to the target server.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyDisconnected = MessageCode(
        "SSHPROXY_DISCONNECTED",
        .debug,
        explanation: "The client has gone, so the connection to the target server ends.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyExitSignal = MessageCode(
        "SSHPROXY_EXIT_SIGNAL",
        .debug,
        explanation: "The target server reported the signal that ended a program.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyExitSignalDecodeFailed = MessageCode(
        "SSHPROXY_EXIT_SIGNAL_DECODE_FAILED",
        .debug,
        explanation: "The target server reported the end of a program by a signal in a form "
            + "that cannot be read.",
        remedy: "The target breaks RFC 4254 section 6.10; the client is told that the status "
            + "is unknown."
    )

    package static let sshproxyExitStatus = MessageCode(
        "SSHPROXY_EXIT_STATUS",
        .debug,
        explanation: "The target server reported the exit status of a program.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyExitStatusDecodeFailed = MessageCode(
        "SSHPROXY_EXIT_STATUS_DECODE_FAILED",
        .debug,
        explanation: "The target server reported an exit status in a form that cannot be read.",
        remedy: "The target breaks RFC 4254 section 6.10; the client is told that the status "
            + "is unknown."
    )

    package static let sshproxyInvalidFingerprint = MessageCode(
        "SSHPROXY_INVALID_FINGERPRINT",
        .error,
        explanation: "The target server showed a host key that is not in "
            + "sshproxy.allowedHostKeyFingerprints.",
        personText: "The target server has a host key that this gateway does not trust.",
        remedy: "Compare the fingerprint in the detail with the target's own (ssh-keygen -lf). "
            + "If the key was changed on purpose, add it to the list; else somebody is between "
            + "gateway and target."
    )

    package static let sshproxySession = MessageCode(
        "SSHPROXY_SESSION",
        .debug,
        explanation: "The gateway opens a session on the target server.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxySessionClose = MessageCode(
        "SSHPROXY_SESSION_CLOSE",
        .debug,
        explanation: "The client's input has ended or its channel is closed; the target server "
            + "is told.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxySessionClosed = MessageCode(
        "SSHPROXY_SESSION_CLOSED",
        .debug,
        explanation: "A session on the target server is closed on both sides.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxySessionCloseFailed = MessageCode(
        "SSHPROXY_SESSION_CLOSE_FAILED",
        .debug,
        explanation: "A session could not be closed on the target server, as the connection "
            + "was gone.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxySessionOpen = MessageCode(
        "SSHPROXY_SESSION_OPEN",
        .debug,
        explanation: "A session is open on the target server.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyShutdown = MessageCode(
        "SSHPROXY_SHUTDOWN",
        .debug,
        explanation: "Programs still run while their connection ends: they get the signal "
            + "TERM, and a moment later KILL.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyShuttingDown = MessageCode(
        "SSHPROXY_SHUTTING_DOWN",
        .debug,
        explanation: "Something was asked of a connection to the target server that is being "
            + "closed.",
        personText: "The connection to the target server is being closed.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyStderrComplete = MessageCode(
        "SSHPROXY_STDERR_COMPLETE",
        .debug,
        explanation: "The program's error output has ended.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyStderrError = MessageCode(
        "SSHPROXY_STDERR_ERROR",
        .debug,
        explanation: "The program's error output broke off with the connection to the target "
            + "server.",
        remedy: "See the reason of SSHPROXY_BACKEND_DISCONNECTED."
    )

    package static let sshproxyStdinError = MessageCode(
        "SSHPROXY_STDIN_ERROR",
        .debug,
        explanation: "The client's input could not be handed to the target server, as the "
            + "connection was lost.",
        remedy: "See the reason of SSHPROXY_BACKEND_DISCONNECTED."
    )

    package static let sshproxyStdoutComplete = MessageCode(
        "SSHPROXY_STDOUT_COMPLETE",
        .debug,
        explanation: "The program's output has ended.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyStdoutError = MessageCode(
        "SSHPROXY_STDOUT_ERROR",
        .debug,
        explanation: "The program's output broke off with the connection to the target server.",
        remedy: "See the reason of SSHPROXY_BACKEND_DISCONNECTED."
    )

    package static let sshproxyTcpForward = MessageCode(
        "SSHPROXY_TCP_FORWARD",
        .debug,
        explanation: "The gateway opens a forwarded connection through the target server.",
        remedy: "Nothing to do; this is a step of a session."
    )

    package static let sshproxyUnmarshalFailed = MessageCode(
        "SSHPROXY_UNMARSHAL_FAILED",
        .warning,
        explanation: "The target server asked for a channel in a form that cannot be read.",
        remedy: "The target breaks RFC 4254; it was refused."
    )

    package static let sshproxyX11Failed = MessageCode(
        "SSHPROXY_X11_FAILED",
        .debug,
        explanation: "The target server refused to forward X11.",
        personText: "The target server does not forward X11.",
        remedy: "The target needs X11Forwarding yes and xauth."
    )

    package static let sshproxyFileFailed = MessageCode(
        "SSHPROXY_FILE_FAILED",
        .error,
        explanation: "A file could not be put on the target server.",
        personText: "A file that belongs to your session could not be written.",
        remedy: "The detail holds path and reason. The account on the target needs a POSIX "
            + "shell and the right to write there."
    )

    package static let sshproxyBusy = MessageCode(
        "SSHPROXY_BUSY",
        .error,
        explanation: "There are as many connections to target servers as one gateway may have.",
        personText: "This server is busy. Try again later.",
        remedy: "Every connection has a thread of its own; see docs/sshproxy.md for the limit. "
            + "Run more gateways."
    )

    /// In the order of the file.
    static let sshproxyCodes: [MessageCode] = [
        sshproxyBackendDisconnected, sshproxyBackendDisconnecting, sshproxyBackendDisconnectFailed,
        sshproxyBackendFailed, sshproxyBackendForwardFailed, sshproxyBackendHandshakeFailed,
        sshproxyBackendRequestFailed, sshproxyBackendSessionClosed,
        sshproxyBackendSessionCloseFailed, sshproxyBackendSessionClosing,
        sshproxyBackendSessionFailed, sshproxyBackendSignalFailed,
        sshproxyBackendWindowChangeFailed, sshproxyChannelCloseFailed, sshproxyConnecting,
        sshproxyDisconnected, sshproxyExitSignal, sshproxyExitSignalDecodeFailed,
        sshproxyExitStatus, sshproxyExitStatusDecodeFailed, sshproxyInvalidFingerprint,
        sshproxySession, sshproxySessionClose, sshproxySessionClosed, sshproxySessionCloseFailed,
        sshproxySessionOpen, sshproxyShutdown, sshproxyShuttingDown, sshproxyStderrComplete,
        sshproxyStderrError, sshproxyStdinError, sshproxyStdoutComplete, sshproxyStdoutError,
        sshproxyTcpForward, sshproxyUnmarshalFailed, sshproxyX11Failed, sshproxyFileFailed,
        sshproxyBusy,
    ]
}
