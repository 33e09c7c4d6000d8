/// The algorithms a side offers, most wanted first. The client's order decides (RFC 4253 §7.1).
///
/// The defaults are those of which neither the key, the mode nor the hash is in doubt; everything
/// else is there to be configured.
package struct TransportAlgorithms: Sendable, Hashable {
    package var keyExchanges: [KeyExchangeMethod]
    /// A server offers those it has a key or a certificate for, hence all of them by default; a
    /// client those with a plain key.
    package var hostKeys: [HostKeyAlgorithm]
    package var ciphers: [CipherAlgorithm]
    /// Unused where the cipher authenticates by itself.
    package var macs: [MACAlgorithm]

    package init(
        keyExchanges: [KeyExchangeMethod] = KeyExchangeMethod.defaults,
        hostKeys: [HostKeyAlgorithm] = HostKeyAlgorithm.defaults,
        ciphers: [CipherAlgorithm] = CipherAlgorithm.defaults,
        macs: [MACAlgorithm] = MACAlgorithm.defaults
    ) {
        self.keyExchanges = keyExchanges
        self.hostKeys = hostKeys
        self.ciphers = ciphers
        self.macs = macs
    }

    /// Takes the names of a configuration in their order; an empty list means the default.
    ///
    /// Names of algorithms that exist nowhere here are left out and appended to `unknown`.
    package init(names: Names, unknown: inout [String]) {
        keyExchanges = Self.known(names.keyExchanges, KeyExchangeMethod.defaults, &unknown)
        hostKeys = Self.known(names.hostKeys, HostKeyAlgorithm.defaults, &unknown)
        ciphers = Self.known(names.ciphers, CipherAlgorithm.defaults, &unknown)
        macs = Self.known(names.macs, MACAlgorithm.defaults, &unknown)
    }

    /// Algorithms by their names on the wire.
    package struct Names: Sendable, Hashable {
        package var keyExchanges: [String]
        package var hostKeys: [String]
        package var ciphers: [String]
        package var macs: [String]

        package init(
            keyExchanges: [String] = [],
            hostKeys: [String] = [],
            ciphers: [String] = [],
            macs: [String] = []
        ) {
            self.keyExchanges = keyExchanges
            self.hostKeys = hostKeys
            self.ciphers = ciphers
            self.macs = macs
        }
    }

    private static func known<T: RawRepresentable<String>>(
        _ names: [String],
        _ defaults: [T],
        _ unknown: inout [String]
    ) -> [T] {
        guard !names.isEmpty else { return defaults }
        unknown += names.filter { T(rawValue: $0) == nil }
        return names.compactMap { T(rawValue: $0) }
    }
}

/// How the shared secret comes about.
package enum KeyExchangeMethod: String, Sendable, Hashable, CaseIterable {
    /// ML-KEM-768 with X25519 (draft-ietf-sshm-mlkem-hybrid-kex).
    case mlkem768x25519 = "mlkem768x25519-sha256"
    /// RFC 8731.
    case curve25519 = "curve25519-sha256"
    /// The name before RFC 8731; the same method.
    case curve25519LibSSH = "curve25519-sha256@libssh.org"
    /// RFC 5656 §4.
    case nistp256 = "ecdh-sha2-nistp256"
    case nistp384 = "ecdh-sha2-nistp384"
    case nistp521 = "ecdh-sha2-nistp521"
    /// RFC 8268. A server spends 0.6 ms of CPU on a group of 2048 bits and 3 ms on one of 4096,
    /// which everybody may ask for before a login.
    case group14SHA256 = "diffie-hellman-group14-sha256"
    case group16SHA512 = "diffie-hellman-group16-sha512"
    /// RFC 4253 §8.2; for clients that know nothing else.
    case group14SHA1 = "diffie-hellman-group14-sha1"

    package static let defaults: [Self] = [.mlkem768x25519, .curve25519, .curve25519LibSSH]
}

/// Encryption of packets.
package enum CipherAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// RFC 5647 with the negotiation of OpenSSH's PROTOCOL §1.6.
    case aes128GCM = "aes128-gcm@openssh.com"
    case aes256GCM = "aes256-gcm@openssh.com"
    /// RFC 4344 §4.
    case aes128CTR = "aes128-ctr"
    case aes192CTR = "aes192-ctr"
    case aes256CTR = "aes256-ctr"
    /// OpenSSH's PROTOCOL.chacha20poly1305.
    case chaChaPoly = "chacha20-poly1305@openssh.com"
    /// RFC 4253 §6.3; for clients that know nothing else.
    case aes128CBC = "aes128-cbc"
    case aes192CBC = "aes192-cbc"
    case aes256CBC = "aes256-cbc"

    package static let defaults: [Self] = [
        .aes128GCM, .aes256GCM, .chaChaPoly, .aes128CTR, .aes192CTR, .aes256CTR,
    ]

    /// Whether the cipher needs no MAC beside it.
    package var isAuthenticated: Bool {
        self == .aes128GCM || self == .aes256GCM || self == .chaChaPoly
    }

    var keyLength: Int {
        switch self {
        case .aes128GCM, .aes128CTR, .aes128CBC: 16
        case .aes192CTR, .aes192CBC: 24
        case .aes256GCM, .aes256CTR, .aes256CBC: 32
        case .chaChaPoly: 64
        }
    }

    var ivLength: Int {
        switch self {
        case .aes128GCM, .aes256GCM: 12
        case .aes128CTR, .aes192CTR, .aes256CTR, .aes128CBC, .aes192CBC, .aes256CBC: 16
        case .chaChaPoly: 0
        }
    }

    /// Whether blocks are chained: an attacker who changes one must not learn from our answer what
    /// it turned into.
    var isChained: Bool {
        self == .aes128CBC || self == .aes192CBC || self == .aes256CBC
    }
}

/// Authentication of packets whose cipher does not do it.
package enum MACAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// The MAC covers the encrypted packet (OpenSSH's PROTOCOL §1.5).
    case sha256ETM = "hmac-sha2-256-etm@openssh.com"
    case sha512ETM = "hmac-sha2-512-etm@openssh.com"
    /// RFC 6668.
    case sha256 = "hmac-sha2-256"
    case sha512 = "hmac-sha2-512"
    /// RFC 4253 §6.4; for clients that know nothing else.
    case sha1 = "hmac-sha1"
    case sha1Short = "hmac-sha1-96"

    package static let defaults: [Self] = [.sha256ETM, .sha512ETM]

    var isEncryptThenMAC: Bool {
        self == .sha256ETM || self == .sha512ETM
    }

    /// Bytes of a tag.
    var length: Int {
        self == .sha1Short ? 12 : keyLength
    }

    var keyLength: Int {
        switch self {
        case .sha256ETM, .sha256: 32
        case .sha512ETM, .sha512: 64
        case .sha1, .sha1Short: 20
        }
    }
}
