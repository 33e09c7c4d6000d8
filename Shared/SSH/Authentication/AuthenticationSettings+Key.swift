import NIOCore

extension AuthenticationSettings {
    /// What a client's key comes to whose signature verifies: `.publicKey`, or `.unusableKey` with
    /// the reason. `blob` is a key or a certificate in wire form (RFC 4253 §6.6); of the algorithms
    /// that its type allows, the client takes the best.
    ///
    /// Of an authenticator it is taken that somebody touched it and that it knew the person.
    package func attempt(with blob: [UInt8]) -> AuthenticationAttempt.Method {
        var reader = ByteBuffer(bytes: blob)
        // A blob that does not even name its type is judged as malformed.
        let type = (try? reader.readSSHText(limit: 64)) ?? ""
        let algorithm = SSHSignatureAlgorithm.best[type] ?? type
        switch UserKeyCheck(settings: self).check(algorithm: algorithm, blob: blob) {
        case .usable(var key, _, _):
            if type.hasPrefix("sk-") { key.securityKey = SecurityKeyUse(flags: 0x05, counter: 1) }
            return .publicKey(key)
        case .unusable(let key, let reason): return .unusableKey(key, reason)
        }
    }
}

extension SSHSignatureAlgorithm {
    /// For the types whose name is not that of the algorithm (RFC 8332 §3).
    fileprivate static let best = [
        "ssh-rsa": "rsa-sha2-512",
        "ssh-rsa-cert-v01@openssh.com": "rsa-sha2-512-cert-v01@openssh.com",
    ]
}
