/// Codes of the policy in the section security: what a person may do in a session.
extension MessageCode {
    package static let securityEnvRejected = MessageCode(
        "SECURITY_ENV_REJECTED",
        .debug,
        isAudit: true,
        explanation: "An environment variable was refused by security.env.",
        personText: "Setting this environment variable is not allowed.",
        remedy: "Allow its name in security.env if people need it."
    )

    package static let securityExecFailedSetenv = MessageCode(
        "SECURITY_EXEC_FAILED_SETENV",
        .error,
        explanation: """
            The forced command could not be told the original one, as the backend refused \
            SSH_ORIGINAL_COMMAND.
            """,
        personText: "Your command could not be started.",
        remedy: "Let the backend accept environment variables, or drop security.forceCommand."
    )

    package static let securityExecForcingCommand = MessageCode(
        "SECURITY_EXEC_FORCING_COMMAND",
        .debug,
        isAudit: true,
        explanation: "The configured command runs instead of what the client asked for.",
        remedy: "Nothing; this is what security.forceCommand does."
    )

    package static let securityExecRejected = MessageCode(
        "SECURITY_EXEC_REJECTED",
        .debug,
        isAudit: true,
        explanation: "Running a command was refused by security.command.",
        personText: "Running this command is not allowed.",
        remedy: "Allow it in security.command if people need it."
    )

    package static let securityShellRejected = MessageCode(
        "SECURITY_SHELL_REJECTED",
        .debug,
        isAudit: true,
        explanation: "A shell was refused by security.shell.",
        personText: "A shell is not allowed.",
        remedy: "Allow it in security.shell if people need it."
    )

    package static let securitySignalRejected = MessageCode(
        "SECURITY_SIGNAL_REJECTED",
        .debug,
        isAudit: true,
        explanation: "A signal was refused by security.signal.",
        personText: "Sending this signal is not allowed.",
        remedy: "Allow it in security.signal if people need it."
    )

    package static let securitySubsystemRejected = MessageCode(
        "SECURITY_SUBSYSTEM_REJECTED",
        .debug,
        isAudit: true,
        explanation: "A subsystem, such as sftp, was refused by security.subsystem.",
        personText: "This subsystem is not allowed.",
        remedy: "Allow it in security.subsystem if people need it."
    )

    package static let securityTtyRejected = MessageCode(
        "SECURITY_TTY_REJECTED",
        .debug,
        isAudit: true,
        explanation: "A terminal was refused by security.tty.",
        personText: "A terminal is not allowed.",
        remedy: "Allow it in security.tty if people need it."
    )

    package static let securityForwardingRejected = MessageCode(
        "SECURITY_FORWARDING_REJECTED",
        .debug,
        isAudit: true,
        explanation: "A connection through the session was refused by security.forwarding.",
        personText: "Forwarding is not allowed.",
        remedy: "Allow it in security.forwarding if people need it."
    )

    package static let securityReverseForwardingRejected = MessageCode(
        "SECURITY_REVERSE_FORWARDING_REJECTED",
        .debug,
        isAudit: true,
        explanation: """
            Listening for connections on the far side was refused by security.forwarding.
            """,
        personText: "Reverse forwarding is not allowed.",
        remedy: "Allow it in security.forwarding if people need it."
    )

    package static let securityX11ForwardingRejected = MessageCode(
        "SECURITY_X11_FORWARDING_REJECTED",
        .debug,
        isAudit: true,
        explanation: "X11 forwarding was refused by security.forwarding.",
        personText: "X11 forwarding is not allowed.",
        remedy: "Allow it in security.forwarding if people need it."
    )

    package static let securityMaxSessions = MessageCode(
        "SECURITY_MAX_SESSIONS",
        .debug,
        isAudit: true,
        explanation: "A further session on this connection was refused by security.maxSessions.",
        personText: "Too many sessions on this connection.",
        remedy: "Raise security.maxSessions if people need more."
    )

    package static let securityForwardAddressDenied = MessageCode(
        "SECURITY_FORWARD_ADDRESS_DENIED",
        .warning,
        isAudit: true,
        explanation: """
            A forwarded connection was refused as its target is an address of the gateway's \
            machine, a link-local address or a cloud's metadata service.
            """,
        personText: "Forwarding to this address is not allowed.",
        remedy: """
            Ask who is behind the username: such targets are tried to get at the gateway's own \
            services or credentials. No setting allows them.
            """
    )

    package static let securityAgentForwardingRejected = MessageCode(
        "SECURITY_AGENT_FORWARDING_REJECTED",
        .debug,
        isAudit: true,
        explanation: "Forwarding of the client's key agent was refused by security.forwarding.",
        personText: "Agent forwarding is not allowed.",
        remedy: "Allow it in security.forwarding.agentForwardingMode if people need it."
    )

    package static let securityMaxForwards = MessageCode(
        "SECURITY_MAX_FORWARDS",
        .info,
        isAudit: true,
        explanation: """
            A forwarded connection was refused as the SSH connection has \
            security.forwarding.maxConnections of them.
            """,
        personText: "Too many forwarded connections.",
        remedy: "Raise security.forwarding.maxConnections if people need more."
    )

    package static let securityMaxListeners = MessageCode(
        "SECURITY_MAX_LISTENERS",
        .info,
        isAudit: true,
        explanation: """
            A request to listen was refused as the SSH connection has \
            security.forwarding.maxListeners places to listen.
            """,
        personText: "Too many places to listen.",
        remedy: "Raise security.forwarding.maxListeners if people need more."
    )

    static let securityCodes: [MessageCode] = [
        securityEnvRejected, securityExecFailedSetenv, securityExecForcingCommand,
        securityExecRejected, securityShellRejected, securitySignalRejected,
        securitySubsystemRejected, securityTtyRejected, securityForwardingRejected,
        securityReverseForwardingRejected, securityX11ForwardingRejected, securityMaxSessions,
        securityForwardAddressDenied, securityAgentForwardingRejected, securityMaxForwards,
        securityMaxListeners,
    ]
}
