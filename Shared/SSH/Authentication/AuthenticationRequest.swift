import NIOCore

/// A USERAUTH_REQUEST as it stands on the wire (RFC 4252 §5).
struct AuthenticationRequest {
    var username: String
    var service: String
    var method: Method

    enum Method {
        case none
        case password([UInt8])
        /// The old password and a new one (RFC 4252 §8); nobody offers that here.
        case passwordChange
        case publicKeyProbe(OfferedKey)
        /// `signed` is what the signature covers after the session identifier (RFC 4252 §7).
        case publicKey(OfferedKey, signature: [UInt8], signed: ByteBuffer)
        /// The key does not parse, or its type is not the algorithm's.
        case unusableKey(algorithm: String)
        case other(String)
    }

    /// The longest user name and method name; more is malformed.
    private static let maximumName = 1024
    /// The longest password that is passed on, in bytes; sshd's PAM takes 512.
    private static let maximumPassword = 4096

    /// Reads a whole message, its number first.
    init(reading message: ByteBuffer) throws(WireError) {
        var payload = message
        _ = try payload.readSSHByte()
        username = try payload.readSSHText(limit: Self.maximumName)
        service = try payload.readSSHText(limit: Self.maximumName)
        let name = try payload.readSSHText(limit: Self.maximumName)
        switch name {
        case "none": method = .none
        case "password": method = try Self.readPassword(&payload)
        case "publickey": method = try Self.readPublicKey(&payload, in: message)
        default: method = .other(name)
        }
    }

    private static func readPassword(_ payload: inout ByteBuffer) throws(WireError) -> Method {
        let isChange = try payload.readSSHBoolean()
        let password = try payload.readSSHBytes(limit: maximumPassword)
        return isChange ? .passwordChange : .password(password)
    }

    private static func readPublicKey(
        _ payload: inout ByteBuffer,
        in message: ByteBuffer
    ) throws(WireError) -> Method {
        let isSigned = try payload.readSSHBoolean()
        let algorithm = try payload.readSSHText(limit: maximumName)
        let blob = try payload.readSSHBytes()
        guard isSigned else {
            try payload.requireSSHEnd()
            return offered(algorithm, blob).map { .publicKeyProbe($0) }
                ?? .unusableKey(algorithm: algorithm)
        }
        let length = payload.readerIndex - message.readerIndex
        let signature = try payload.readSSHBytes()
        try payload.requireSSHEnd()
        guard let key = offered(algorithm, blob),
            let signed = message.getSlice(at: message.readerIndex, length: length)
        else { return .unusableKey(algorithm: algorithm) }
        return .publicKey(key, signature: signature, signed: signed)
    }

    private static func offered(_ algorithm: String, _ blob: [UInt8]) -> OfferedKey? {
        var buffer = ByteBuffer(bytes: blob)
        // A blob that does not even name its type is refused like any other unusable key.
        guard let type = try? buffer.readSSHText(limit: 64) else { return nil }
        return OfferedKey(algorithm: algorithm, type: type, blob: blob)
    }
}
