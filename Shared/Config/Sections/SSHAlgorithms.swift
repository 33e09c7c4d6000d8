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
        "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
    ]

    package static let macs = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
        "hmac-sha2-512",
    ]

    /// With certificates, whose names end in `-cert-v01@openssh.com`.
    package static let hostKeys =
        plainHostKeys.map { $0 + "-cert-v01@openssh.com" } + plainHostKeys
    private static let plainHostKeys = [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "rsa-sha2-512", "rsa-sha2-256",
    ]

    /// Offered by a server that is not told otherwise: not the NIST curves, whose origin is in
    /// doubt, and not MACs over plain text.
    package static let serverKex = [
        "mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org",
    ]
    package static let serverMACs = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
    ]

    /// Spoken, but out of date: only a file that names one makes a server offer it.
    package static let weakCiphers = ["aes128-cbc", "aes192-cbc", "aes256-cbc"]
    package static let weakKex = ["diffie-hellman-group14-sha1"]
    package static let weakMACs = ["hmac-sha1", "hmac-sha1-96"]
    package static let weakHostKeys = ["ssh-rsa"]

    /// Accepted in a file because older files hold them, and spoken by nobody here: broken, too
    /// short, or (the last cipher) no name of SSH at all.
    package static let goneCiphers = ["arcfour256", "arcfour128", "arcfour", "tripledescbcID"]
    package static let goneKex = ["diffie-hellman-group1-sha1"]
    package static let goneHostKeys = ["ssh-dss"]

    /// Every name among `configured` that is out of date but offered all the same.
    package static func weak(among configured: [String]) -> [String] {
        let weak = weakCiphers + weakKex + weakMACs + weakHostKeys
        return configured.filter(weak.contains)
    }

    /// Every name among `configured` that is accepted but never offered.
    package static func gone(among configured: [String]) -> [String] {
        let gone = goneCiphers + goneKex + goneHostKeys
        return configured.filter(gone.contains)
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
            ("ciphers", ciphers, Self.ciphers + weakCiphers, goneCiphers),
            ("kex", kex, Self.kex + weakKex, goneKex),
            ("macs", macs, Self.macs + weakMACs, []),
        ]
        for (key, names, spoken, gone) in lists {
            list.check(key, names, among: spoken + gone)
            let isUsable = names.contains { !gone.contains($0) }
            list.check(isUsable, key, nil, "must hold at least one of " + joined(spoken))
        }
        return list.problems
    }

    /// The rules for the host keys' algorithms, where none means all.
    static func problems(at path: String, hostKeyAlgorithms names: [String]) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("hostKeyAlgorithms", names, among: hostKeys + weakHostKeys + goneHostKeys)
        let isUsable = names.isEmpty || names.contains { !goneHostKeys.contains($0) }
        list.check(
            isUsable,
            "hostKeyAlgorithms",
            nil,
            "must be empty or hold at least one of " + joined(hostKeys + weakHostKeys)
        )
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
