// Events of the gateway that ContainerSSH's list has no code for.
extension MessageCode {
    package static let sshAuthBadSignature = MessageCode(
        "SSH_AUTH_BAD_SIGNATURE",
        .warning,
        explanation: "A client offered an acceptable public key but its signature does not verify.",
        personText: "The signature made with this key is not valid.",
        remedy:
            "One event may be a broken client; many from one address are an attack. Look at the "
            + "address and the client version, and block the address if they go on."
    )
    package static let gatewayWorkspaceClosed = MessageCode(
        "GATEWAY_WORKSPACE_CLOSED",
        .debug,
        explanation: "A program was asked for while its connection's workspace was being removed.",
        personText: "The connection is being closed.",
        remedy: "Nothing: the client asked too late."
    )
    package static let gatewayProgramStartFailed = MessageCode(
        "GATEWAY_PROGRAM_START_FAILED",
        .error,
        explanation: "A shell, command or subsystem could not be started in the workspace.",
        personText: "The program could not be started.",
        remedy: "Read the reason in the record: it carries the backend's own code."
    )
    package static let gatewayProgramControlFailed = MessageCode(
        "GATEWAY_PROGRAM_CONTROL_FAILED",
        .info,
        explanation: "A signal or a new window size could not be delivered to a program.",
        remedy: "Usually the program had just ended, or the client sent an unknown signal name."
    )
    package static let gatewayStreamFailed = MessageCode(
        "GATEWAY_STREAM_FAILED",
        .error,
        explanation: "Carrying a program's input or output failed before its end.",
        remedy:
            "Read the reason in the record; look at the backend and at the recording's delivery."
    )
    package static let gatewayExitUnknown = MessageCode(
        "GATEWAY_EXIT_UNKNOWN",
        .error,
        explanation: "How a program ended could not be learned; the client was told status 255.",
        remedy: "Read the reason in the record and look at the backend's health."
    )
    package static let gatewayRecordingRefused = MessageCode(
        "GATEWAY_RECORDING_REFUSED",
        .error,
        isAudit: true,
        explanation: "A connection was refused because its recording could not be opened.",
        personText: "Sessions are recorded here, and the recorder is not available. "
            + "Please try again later.",
        remedy: "Look at auditd: is it running, reachable and has it space? With "
            + "`audit.delivery: besteffort` sessions go on without it."
    )
    package static let gatewayRecordingLost = MessageCode(
        "GATEWAY_RECORDING_LOST",
        .error,
        isAudit: true,
        explanation: "A connection was ended because its recording was not acknowledged in time.",
        personText: "The recorder of this session does not answer; the session ends here.",
        remedy: "Look at auditd and at the network to it; `audit.timeout` says how long a session "
            + "waits."
    )
    package static let gatewayHostKeyGenerated = MessageCode(
        "GATEWAY_HOST_KEY_GENERATED",
        .notice,
        explanation: "A host key was generated and stored beside the configuration file.",
        remedy: "Keep the file: a new key makes every client warn. Several gateways behind one "
            + "address need the same keys."
    )
    package static let gatewayConnectionLimit = MessageCode(
        "GATEWAY_CONNECTION_LIMIT",
        .warning,
        explanation: "A connection was refused because `ssh.maxConnections` are open.",
        personText: "The server has as many connections as it may have.",
        remedy: "Raise `ssh.maxConnections`, add a gateway, or look for whom the connections are."
    )

    package static let gatewayHostKeyReadable = MessageCode(
        "GATEWAY_HOST_KEY_READABLE",
        .warning,
        explanation: "The file of a host key can be read by others than its owner.",
        remedy: "Set its mode to 0600 (chmod 600 FILE); whoever has read it can pose as this host."
    )
    package static let gatewayHostKeyLoaded = MessageCode(
        "GATEWAY_HOST_KEY_LOADED",
        .info,
        explanation: """
            A host key was read. The label use says whether clients are shown it (offered) or only \
            told of it, as a later key of its type is shown (announced).
            """,
        remedy: "Nothing; compare the fingerprint with what clients report."
    )
    package static let gatewayHostKeyPassedOver = MessageCode(
        "GATEWAY_HOST_KEY_PASSED_OVER",
        .warning,
        explanation: "A configured host key is of the type ssh-dss, which nobody speaks any more.",
        remedy: "Remove it from `ssh.hostkeys`; the other keys are used."
    )
    package static let gatewayHostKeyUnsafe = MessageCode(
        "GATEWAY_HOST_KEY_UNSAFE",
        .crit,
        explanation: "The file of a host key can be written by others; the gateway does not start.",
        remedy: "Set its mode to 0600 (chmod 600 FILE), and make sure that the key is still yours."
    )
    package static let gatewayHostCertificateLoaded = MessageCode(
        "GATEWAY_HOST_CERTIFICATE_LOADED",
        .info,
        explanation: "A host certificate was read; clients that trust its authority are shown it.",
        remedy: "Nothing; renew it before the time in the label validUntil."
    )
    package static let gatewayHostCertificateNotCurrent = MessageCode(
        "GATEWAY_HOST_CERTIFICATE_NOT_CURRENT",
        .warning,
        explanation: """
            A host certificate has expired or is not valid yet; clients are shown the plain key.
            """,
        remedy: "Have the authority sign the host key again (ssh-keygen -s CA -h), and reload."
    )
    package static let gatewayHostCertificateInvalid = MessageCode(
        "GATEWAY_HOST_CERTIFICATE_INVALID",
        .crit,
        explanation: "A configured host certificate cannot be used; the gateway does not start.",
        remedy: """
            Read the reason in the record: it must be a host certificate (ssh-keygen -h) for one of \
            the host keys, signed by its authority.
            """
    )
    package static let gatewayAlgorithmNotOffered = MessageCode(
        "GATEWAY_ALGORITHM_NOT_OFFERED",
        .warning,
        explanation: "The configuration names an SSH algorithm that this server does not speak.",
        remedy: "Remove the name from `ssh.kex`, `ssh.ciphers` or `ssh.macs`; nothing else changes."
    )
    package static let gatewayShuttingDown = MessageCode(
        "GATEWAY_SHUTTING_DOWN",
        .notice,
        explanation: "The gateway ended a connection because it is being stopped.",
        personText: "The server is being stopped.",
        remedy: "Nothing, if the stop was wanted; clients may connect again to another gateway."
    )
    package static let gatewayFileNotWritten = MessageCode(
        "GATEWAY_FILE_NOT_WRITTEN",
        .warning,
        explanation: "A file that a webhook wants in the workspace could not be put there.",
        remedy: "Read the reason: the path must be absolute and writable in the workspace, the "
            + "content base64 with padding."
    )

    static let gatewayCodes: [MessageCode] = [
        gatewayFileNotWritten,
        gatewayHostKeyReadable, gatewayAlgorithmNotOffered, gatewayShuttingDown,
        sshAuthBadSignature, gatewayWorkspaceClosed, gatewayProgramStartFailed,
        gatewayProgramControlFailed, gatewayStreamFailed, gatewayExitUnknown,
        gatewayRecordingRefused, gatewayRecordingLost, gatewayHostKeyGenerated,
        gatewayConnectionLimit, gatewayHostKeyLoaded, gatewayHostKeyPassedOver,
        gatewayHostKeyUnsafe, gatewayHostCertificateLoaded, gatewayHostCertificateNotCurrent,
        gatewayHostCertificateInvalid,
    ]
}
