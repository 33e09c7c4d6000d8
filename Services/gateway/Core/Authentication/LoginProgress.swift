import SharedConfig
import SharedModels

/// How far one login name has come on a connection: the steps that succeeded, and what they said.
struct LoginProgress: Sendable {
    let username: String
    private(set) var done: [AuthMethod] = []
    /// Of the first step that named one.
    private(set) var identity = ""
    /// Of all steps, the later over the earlier.
    private(set) var carried = ConnectionMetadata()
    private(set) var limits: CredentialLimits?
    /// The public keys that have proven something.
    private(set) var keys: Set<[UInt8]> = []

    /// What one successful step proves.
    struct Proof: Sendable {
        var method: AuthMethod
        /// Empty where nobody named one.
        var identity = ""
        var carried = ConnectionMetadata()
        var limits: CredentialLimits?
        /// The plain public key in wire form.
        var key: [UInt8]?
        /// How old the webhook's yes is, where it was given earlier and cannot be had now.
        var age: Duration?
        /// Whether a security key counts only if it knew the person.
        var requiresVerification = false
    }

    init(username: String) { self.username = username }

    /// Adds a step; false, and nothing is added, if it speaks of another identity, or if no
    /// program could run within the limits of both.
    mutating func add(_ proof: Proof) -> Bool {
        guard identity.isEmpty || proof.identity.isEmpty || identity == proof.identity else {
            return false
        }
        if let more = proof.limits {
            guard let narrowed = limits.map({ $0.narrowed(by: more) }) ?? more else { return false }
            limits = narrowed
        }
        if identity.isEmpty { identity = proof.identity }
        done.append(proof.method)
        carried.merge(proof.carried)
        if let key = proof.key { keys.insert(key) }
        return true
    }
}

extension CredentialLimits {
    /// What a webhook leaves of all there is.
    init(_ restrictions: CredentialRestrictions) {
        self.init(
            forcedCommand: restrictions.forceCommand,
            permitsPTY: restrictions.permitPty,
            permitsPortForwarding: restrictions.permitPortForwarding,
            permitsAgentForwarding: restrictions.permitAgentForwarding,
            permitsX11Forwarding: restrictions.permitX11Forwarding,
            permitsUserRC: true
        )
    }

    /// What both allow; `nil` if they force different commands.
    func narrowed(by other: Self) -> Self? {
        if let mine = forcedCommand, let theirs = other.forcedCommand, mine != theirs { return nil }
        return Self(
            forcedCommand: forcedCommand ?? other.forcedCommand,
            permitsPTY: permitsPTY && other.permitsPTY,
            permitsPortForwarding: permitsPortForwarding && other.permitsPortForwarding,
            permitsAgentForwarding: permitsAgentForwarding && other.permitsAgentForwarding,
            permitsX11Forwarding: permitsX11Forwarding && other.permitsX11Forwarding,
            permitsUserRC: permitsUserRC && other.permitsUserRC
        )
    }
}
