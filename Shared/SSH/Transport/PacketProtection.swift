import NIOCore

/// How one direction's packets are protected, with the keys.
enum PacketProtection {
    case none
    case gcm(AESGCM)
    case ctr(AESCTR)
    case chaCha(ChaChaPoly)

    /// Makes the keys of one direction (RFC 4253 §7.2): letters A, C, E from client to server, B,
    /// D, F back.
    init(
        _ algorithms: PacketAlgorithms,
        _ keys: KeyDerivation,
        isToServer: Bool,
        encrypts: Bool
    ) throws(TransportError) {
        let cipher = algorithms.cipher
        let iv = keys.key(isToServer ? "A" : "B", length: cipher.ivLength)
        let key = keys.key(isToServer ? "C" : "D", length: cipher.keyLength)
        guard cipher != .chaChaPoly else {
            self = .chaCha(try ChaChaPoly(key: key, encrypts: encrypts))
            return
        }
        guard let mac = algorithms.mac else {
            self = .gcm(try AESGCM(cipher, key: key, iv: iv, encrypts: encrypts))
            return
        }
        let macKey = keys.key(isToServer ? "E" : "F", length: mac.keyLength)
        self = .ctr(
            try AESCTR(
                cipher,
                key: key,
                iv: iv,
                mac: try PacketMAC(mac, key: macKey),
                encrypts: encrypts
            )
        )
    }

    /// Packets are a multiple of this (RFC 4253 §6).
    var blockSize: Int {
        switch self {
        case .none, .chaCha: 8
        case .gcm, .ctr: 16
        }
    }

    /// Whether padding has to be random: a chained cipher shows where equal blocks follow equal ones.
    var isChained: Bool {
        if case .ctr(let cipher) = self { cipher.isChained } else { false }
    }

    var tagLength: Int {
        switch self {
        case .none: 0
        case .gcm: AESGCM.tagLength
        case .chaCha: ChaChaPoly.tagLength
        case .ctr(let cipher): cipher.mac.algorithm.length
        }
    }

    /// Whether the length field is encrypted with the rest, so that it counts for the block size.
    var isLengthInBlocks: Bool {
        switch self {
        case .none: true
        case .gcm, .chaCha: false
        case .ctr(let cipher): !cipher.mac.algorithm.isEncryptThenMAC
        }
    }
}
