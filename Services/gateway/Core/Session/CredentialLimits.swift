/// What a certificate allows its holder, within what the policy allows (OpenSSH's
/// PROTOCOL.certkeys). Source addresses are not here: they are checked at the login.
package struct CredentialLimits: Sendable, Hashable {
    /// Runs in the place of whatever is asked for; `nil` where nothing is forced. What was asked
    /// goes into `SSH_ORIGINAL_COMMAND`.
    package var forcedCommand: String?
    package var permitsPTY: Bool
    /// TCP and Unix sockets, both directions.
    package var permitsPortForwarding: Bool
    package var permitsAgentForwarding: Bool
    package var permitsX11Forwarding: Bool
    /// `~/.ssh/rc`, which no workspace runs by itself; told for completeness.
    package var permitsUserRC: Bool

    package init(
        forcedCommand: String? = nil,
        permitsPTY: Bool = false,
        permitsPortForwarding: Bool = false,
        permitsAgentForwarding: Bool = false,
        permitsX11Forwarding: Bool = false,
        permitsUserRC: Bool = false
    ) {
        self.forcedCommand = forcedCommand
        self.permitsPTY = permitsPTY
        self.permitsPortForwarding = permitsPortForwarding
        self.permitsAgentForwarding = permitsAgentForwarding
        self.permitsX11Forwarding = permitsX11Forwarding
        self.permitsUserRC = permitsUserRC
    }
}
