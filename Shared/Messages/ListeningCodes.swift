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

    static let listeningCodes: [MessageCode] = [
        gatewayListening, gatewayListenerClosed, gatewayAcceptPaused, gatewayProxyHeaderRefused,
    ]
}
