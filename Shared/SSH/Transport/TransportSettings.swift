/// Which end of the connection a machine is.
package enum TransportRole: Sendable, Hashable {
    case client
    case server
}

/// What one side of the transport wants; checked and shared by all connections of a listener.
package struct TransportSettings: Sendable {
    /// The identification line without CR LF, `SSH-2.0-` included (RFC 4253 §4.2): at most 253
    /// bytes of printable ASCII.
    package var identification: String
    package var algorithms: TransportAlgorithms
    /// Server only: the keys to prove the host's identity with. An algorithm of
    /// `algorithms.hostKeys` without its key is not offered.
    package var hostKeys: [SSHPrivateKey]
    /// Server only: certificates of these keys, sent in place of the key to clients that take them.
    package var hostCertificates: [OpenSSHCertificate]
    /// Client only: whether this is the key of the host that was meant. `nil` accepts none.
    package var isHostKeyTrusted: (@Sendable (SSHPublicKey) -> Bool)?
    /// Server only: told to the client in `server-sig-algs` (RFC 8308 §3.1).
    package var userKeyAlgorithms: [String]
    package var rekeyLimit: RekeyLimit
    /// The most bytes of messages that are held back while keys are exchanged; one more message
    /// is `TransportError.tooMuchHeldBack`.
    package var maximumHeldBytes: Int

    package init(
        identification: String = "SSH-2.0-Berth",
        algorithms: TransportAlgorithms = TransportAlgorithms(),
        hostKeys: [SSHPrivateKey] = [],
        hostCertificates: [OpenSSHCertificate] = [],
        isHostKeyTrusted: (@Sendable (SSHPublicKey) -> Bool)? = nil,
        userKeyAlgorithms: [String] = SSHSignatureAlgorithm.allCases.map(\.rawValue),
        rekeyLimit: RekeyLimit = RekeyLimit(),
        maximumHeldBytes: Int = 8 << 20
    ) {
        self.identification = identification
        self.algorithms = algorithms
        self.hostKeys = hostKeys
        self.hostCertificates = hostCertificates
        self.isHostKeyTrusted = isHostKeyTrusted
        self.userKeyAlgorithms = userKeyAlgorithms
        self.rekeyLimit = rekeyLimit
        self.maximumHeldBytes = maximumHeldBytes
    }

    /// The key that a server proves itself with by `algorithm`, and what it sends to the client as
    /// K_S; of several keys of a type the last.
    func proof(by algorithm: HostKeyAlgorithm) -> (key: SSHPrivateKey, blob: [UInt8])? {
        guard let key = hostKeys.last(where: { $0.publicKey.type == algorithm.keyType }) else {
            return nil
        }
        guard algorithm.isCertificate else { return (key, key.publicKey.blob) }
        return hostCertificates.last { $0.publicKey == key.publicKey }.map { (key, $0.blob) }
    }

    /// Whether `line` may be sent as an identification (RFC 4253 §4.2): a software version without
    /// white space and `-`, then, after one space, any printable ASCII.
    package static func isValid(identification line: String) -> Bool {
        let prefix = "SSH-2.0-"
        guard line.hasPrefix(prefix), line.utf8.count <= 253 else { return false }
        let rest = line.utf8.dropFirst(prefix.utf8.count)
        let software = rest.prefix { $0 != 0x20 }
        return !software.isEmpty && !software.contains(UInt8(ascii: "-"))
            && rest.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
    }
}

/// How much one key may protect, in either direction, before the machine asks for new ones.
package struct RekeyLimit: Sendable, Hashable {
    /// 2³² blocks of 16 bytes is the most for AES (RFC 4344 §3.2).
    package var bytes: UInt64
    /// Below 2³², where the sequence number would repeat (RFC 4344 §3.1).
    package var packets: UInt64

    package init(bytes: UInt64 = 32 << 30, packets: UInt64 = 1 << 31) {
        self.bytes = bytes
        self.packets = min(packets, 1 << 31)
    }
}
