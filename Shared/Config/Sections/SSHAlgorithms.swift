/// The names of SSH algorithms that a configuration may hold.
package enum SSHAlgorithms {
    /// Spoken, most wanted first.
    package static let ciphers = [
        "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
        "aes256-ctr", "aes192-ctr", "aes128-ctr",
    ]

    package static let kex = [
        "mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp521", "ecdh-sha2-nistp384", "ecdh-sha2-nistp256",
    ]

    package static let macs = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
        "hmac-sha2-512",
    ]

    /// Offered by a server that is not told otherwise: not the NIST curves, whose origin is in
    /// doubt, and not MACs over plain text.
    package static let serverKex = [
        "mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org",
    ]
    package static let serverMACs = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
    ]

    /// Accepted in a file because older files hold them; a server does not offer them.
    package static let legacyCiphers = [
        "aes128-cbc", "arcfour256", "arcfour128", "arcfour", "tripledescbcID",
    ]
    package static let legacyKex = ["diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"]
    package static let legacyMACs = ["hmac-sha1-96", "hmac-sha1"]

    /// Every name among `configured` that is accepted but never offered.
    package static func legacy(among configured: [String]) -> [String] {
        let legacy = legacyCiphers + legacyKex + legacyMACs
        return configured.filter(legacy.contains)
    }

    /// The names without the legacy ones.
    package static func current(_ configured: [String]) -> [String] {
        let legacy = legacyCiphers + legacyKex + legacyMACs
        return configured.filter { !legacy.contains($0) }
    }

    /// The rules for the three lists; each must keep at least one algorithm that is spoken.
    static func problems(
        at path: String,
        ciphers: [String],
        kex: [String],
        macs: [String]
    ) -> [ConfigProblem] {
        var list = Rules(path)
        let lists = [
            ("ciphers", ciphers, Self.ciphers, legacyCiphers),
            ("kex", kex, Self.kex, legacyKex),
            ("macs", macs, Self.macs, legacyMACs),
        ]
        for (key, names, current, legacy) in lists {
            list.check(key, names, among: current + legacy)
            let isUsable = names.contains { !legacy.contains($0) }
            list.check(isUsable, key, nil, "must hold at least one of " + joined(current))
        }
        return list.problems
    }

    private static func joined(_ names: [String]) -> String { names.joined(separator: ", ") }

    /// Whether the text is an identification line (RFC 4253 §4.2).
    package static func isIdentification(_ text: String) -> Bool {
        guard text.utf8.count <= 253, text.hasPrefix("SSH-2.0-") else { return false }
        let parts = text.dropFirst("SSH-2.0-".count)
            .split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].utf8
        guard !name.isEmpty, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2D }) else {
            return false
        }
        guard parts.count == 2 else { return true }
        return !parts[1].isEmpty && parts[1].utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
