/// What a webhook's yes does not allow its holder, within what the gateway's policy allows: the
/// options of a key in `authorized_keys` (sshd(8)).
///
/// On the wire what is absent is permitted.
package struct CredentialRestrictions: Sendable, Hashable, Codable {
    /// Runs in the place of whatever is asked for; `nil` where nothing is forced.
    package var forceCommand: String?
    package var permitPty: Bool
    /// TCP and Unix sockets, both directions.
    package var permitPortForwarding: Bool
    package var permitAgentForwarding: Bool
    package var permitX11Forwarding: Bool
    /// Whether a security key counts only if it knew the person, by PIN or fingerprint.
    package var verifyRequired: Bool

    package init(
        forceCommand: String? = nil,
        permitPty: Bool = true,
        permitPortForwarding: Bool = true,
        permitAgentForwarding: Bool = true,
        permitX11Forwarding: Bool = true,
        verifyRequired: Bool = false
    ) {
        self.forceCommand = forceCommand
        self.permitPty = permitPty
        self.permitPortForwarding = permitPortForwarding
        self.permitAgentForwarding = permitAgentForwarding
        self.permitX11Forwarding = permitX11Forwarding
        self.verifyRequired = verifyRequired
    }

    private enum CodingKeys: String, CodingKey {
        case forceCommand, permitPty, permitPortForwarding, permitAgentForwarding
        case permitX11Forwarding, verifyRequired
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        func permits(_ key: CodingKeys) throws -> Bool {
            try box.decodeIfPresent(Bool.self, forKey: key) ?? true
        }
        self.init(
            forceCommand: try box.decodeIfPresent(String.self, forKey: .forceCommand),
            permitPty: try permits(.permitPty),
            permitPortForwarding: try permits(.permitPortForwarding),
            permitAgentForwarding: try permits(.permitAgentForwarding),
            permitX11Forwarding: try permits(.permitX11Forwarding),
            verifyRequired: try box.decodeIfPresent(Bool.self, forKey: .verifyRequired) ?? false
        )
    }
}
