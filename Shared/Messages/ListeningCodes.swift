// Listeners of the gateway, what comes in front of SSH on them, and how they pass to a successor.
extension MessageCode {
    package static let gatewayListening = MessageCode(
        "GATEWAY_LISTENING",
        .notice,
        explanation: "The gateway listens for SSH connections on this address and port.",
        remedy: "Nothing."
    )
    package static let gatewayListenerClosed = MessageCode(
        "GATEWAY_LISTENER_CLOSED",
        .notice,
        explanation: """
            The gateway no longer listens on this address: a new configuration does not have it.
            """,
        remedy: "Nothing; its connections go on."
    )
    package static let gatewayAcceptPaused = MessageCode(
        "GATEWAY_ACCEPT_PAUSED",
        .error,
        explanation: """
            Connections cannot be accepted because the process or the system has no file \
            descriptor or memory left; the gateway tries again every second.
            """,
        remedy: """
            Raise the limit of open files (LimitNOFILE=, ulimit -n) or lower ssh.maxConnections; \
            each connection takes several descriptors.
            """
    )
    package static let gatewayProxyHeaderRefused = MessageCode(
        "GATEWAY_PROXY_HEADER_REFUSED",
        .warning,
        explanation: """
            A connection was closed because of its PROXY header: it came from an address that is \
            not trusted, was malformed or late, or is missing where it is required.
            """,
        remedy: """
            If the sender is your load balancer, add its address to \
            ssh.proxyProtocol.trustedNetworks; otherwise somebody tries to pose as another client.
            """
    )

    package static let gatewayDraining = MessageCode(
        "GATEWAY_DRAINING",
        .notice,
        explanation: """
            The gateway stops and waits for its connections to end; people at a terminal have \
            been told.
            """,
        personText: "The server is being stopped.",
        remedy: "Nothing; a second SIGTERM ends the connections at once."
    )
    package static let gatewayReloadNeedsRestart = MessageCode(
        "GATEWAY_RELOAD_NEEDS_RESTART",
        .warning,
        explanation: """
            The configuration that was read again differs in sections that the gateway takes \
            only when it starts; all else is in use.
            """,
        remedy: "Restart the gateway, without an interruption with SIGUSR2."
    )
    package static let gatewayRestarting = MessageCode(
        "GATEWAY_RESTARTING",
        .notice,
        explanation: "The gateway starts its successor, which gets its listening sockets.",
        remedy: "Nothing."
    )
    package static let gatewayHandedOver = MessageCode(
        "GATEWAY_HANDED_OVER",
        .notice,
        explanation: """
            The successor accepts connections; this process finishes those it has and ends.
            """,
        remedy: "Nothing."
    )
    package static let gatewayRestartFailed = MessageCode(
        "GATEWAY_RESTART_FAILED",
        .error,
        explanation: "The successor could not be started or has failed; this process goes on.",
        remedy: """
            Read what the successor has logged before this record, usually a configuration that \
            is wrong; then send SIGUSR2 again.
            """
    )
    package static let gatewaySingleConnection = MessageCode(
        "GATEWAY_SINGLE_CONNECTION",
        .info,
        explanation: "The gateway was started for the one connection on its standard input.",
        remedy: "Nothing."
    )

    static let listeningCodes: [MessageCode] = [
        gatewayListening, gatewayListenerClosed, gatewayAcceptPaused, gatewayProxyHeaderRefused,
        gatewayDraining, gatewayReloadNeedsRestart, gatewayRestarting, gatewayHandedOver,
        gatewayRestartFailed, gatewaySingleConnection,
    ]
}
