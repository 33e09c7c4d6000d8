import NIOCore

/// Tells clients all keys of the host, so that they can learn new ones before the old ones go, and
/// proves that it has them (OpenSSH's PROTOCOL §2.5).
struct HostKeyAnnouncement {
    private let keys: [SSHPrivateKey]
    private let sessionID: [UInt8]
    /// What the key exchange agreed on.
    private let negotiated: HostKeyAlgorithm?
    private var proofsLeft = Self.maximumProofs

    static let announcementType = "hostkeys-00@openssh.com"
    static let proofType = "hostkeys-prove-00@openssh.com"
    /// OpenSSH asks once for each connection; every answer costs a signature for each key.
    static let maximumProofs = 4

    init(_ keys: [SSHPrivateKey], sessionID: [UInt8], negotiated: HostKeyAlgorithm?) {
        self.keys = keys
        self.sessionID = sessionID
        self.negotiated = negotiated
    }

    /// Sent once the client is authenticated; `nil` for clients that cannot stand it.
    func request(to clientVersion: String) -> GlobalRequest? {
        // Tera Term before 2.73 ends the connection (OpenSSH's compat.c).
        guard !["TTSSH/2.70", "TTSSH/2.71", "TTSSH/2.72"].contains(where: clientVersion.contains)
        else { return nil }
        var payload = ByteBuffer()
        for key in keys { payload.writeSSHString(key.publicKey.blob) }
        return GlobalRequest(type: Self.announcementType, payload: payload, wantsReply: false)
    }

    /// Signs for every key that the client names. Fails for a key of another host, for one that is
    /// named twice, and when asked again and again.
    mutating func prove(_ payload: ByteBuffer) -> GlobalReply {
        guard proofsLeft > 0, let asked = asked(payload) else { return .failure }
        proofsLeft -= 1
        var reply = ByteBuffer()
        for key in asked {
            var data = ByteBuffer()
            data.writeSSHString(Self.proofType)
            data.writeSSHString(sessionID)
            data.writeSSHString(key.publicKey.blob)
            guard let algorithm = algorithm(for: key),
                let signature = try? key.signature(
                    over: [UInt8](data.readableBytesView),
                    algorithm: algorithm
                )
            else { return .failure }
            reply.writeSSHString(signature)
        }
        return .success(reply)
    }

    private func asked(_ payload: ByteBuffer) -> [SSHPrivateKey]? {
        var payload = payload
        var asked: [SSHPrivateKey] = []
        while payload.readableBytes > 0 {
            // A list that does not parse is refused like one of unknown keys.
            guard let blob = try? payload.readSSHBytes(limit: SSHPublicKey.maximumLength),
                let key = keys.first(where: { $0.publicKey.blob == blob }),
                !asked.contains(where: { $0.publicKey == key.publicKey })
            else { return nil }
            asked.append(key)
        }
        return asked.isEmpty ? nil : asked
    }

    /// For RSA clients expect the algorithm of the key exchange if that was RSA, too.
    private func algorithm(for key: SSHPrivateKey) -> SSHSignatureAlgorithm? {
        let possible = key.publicKey.type.signatureAlgorithms
        guard let signature = negotiated?.signature, possible.contains(signature) else {
            return possible.first
        }
        return signature
    }
}
