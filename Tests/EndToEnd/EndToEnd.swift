import Testing

/// The suites that share one installation with the sandbox backend.
@Suite(
    "End to end",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .sharedInstallation(
        "ssh.clientAliveInterval=1s",
        "security.forwarding.agentForwardingMode=disable"
    )
)
struct EndToEnd {}
