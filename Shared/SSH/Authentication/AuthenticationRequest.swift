import NIOCore

/// A USERAUTH_REQUEST as it stands on the wire (RFC 4252 §5).
struct AuthenticationRequest {
    /// Empty where what stands there is no name: too long, not UTF-8, or with control characters.
    var username: String
    var service: String
    var method: Method

    enum Method {
        case none
        case password([UInt8])
        /// The old password and a new one (RFC 4252 §8); nobody asks for that here.
        case passwordChange
        case publicKeyProbe(algorithm: String, blob: [UInt8])
        /// `signed` is what the signature covers after the session identifier (RFC 4252 §7).
        case publicKey(algorithm: String, blob: [UInt8], signature: [UInt8], signed: ByteBuffer)
        /// RFC 4256 §3.1.
        case keyboardInteractive(devices: String)
        /// Whether Kerberos is among the mechanisms (RFC 4462 §3.2).
        case gssapi(offersKerberos: Bool)
        case other(String)
    }

    /// The longest names of users, services and methods.
    private static let maximumName = 1024
    /// The longest password that is passed on, in bytes; sshd's PAM takes 512.
    private static let maximumPassword = 4096

    /// Reads a whole message, its number first.
    init(reading message: ByteBuffer) throws(WireError) {
        var payload = message
        _ = try payload.readSSHByte()
        username = Self.userName(try payload.readSSHString())
        service = try payload.readSSHText(limit: Self.maximumName)
        let name = try payload.readSSHText(limit: Self.maximumName)
        switch name {
        case "none": method = .none
        case "password": method = try Self.readPassword(&payload)
        case "publickey": method = try Self.readPublicKey(&payload, in: message)
        case "keyboard-interactive": method = try Self.readKeyboardInteractive(&payload)
        case GSSAPIMessages.method: method = try Self.readGSSAPI(&payload)
        default: method = .other(name)
        }
    }

    private static func userName(_ bytes: ByteBuffer) -> String {
        guard bytes.readableBytes <= maximumName,
            let name = String(validating: bytes.readableBytesView, as: UTF8.self),
            !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return "" }
        return name
    }

    private static func readPassword(_ payload: inout ByteBuffer) throws(WireError) -> Method {
        let isChange = try payload.readSSHBoolean()
        let password = try payload.readSSHBytes(limit: maximumPassword)
        guard isChange else { return .password(password) }
        _ = try payload.readSSHString(limit: maximumPassword)
        return .passwordChange
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
            return .publicKeyProbe(algorithm: algorithm, blob: blob)
        }
        let length = payload.readerIndex - message.readerIndex
        let signature = try payload.readSSHBytes()
        try payload.requireSSHEnd()
        guard let signed = message.getSlice(at: message.readerIndex, length: length) else {
            throw .truncated
        }
        return .publicKey(algorithm: algorithm, blob: blob, signature: signature, signed: signed)
    }

    /// The language tag is obsolete and not looked at.
    private static func readKeyboardInteractive(
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Method {
        _ = try payload.readSSHString(limit: maximumName)
        let devices = try payload.readSSHText(limit: maximumName)
        try payload.requireSSHEnd()
        return .keyboardInteractive(devices: devices)
    }

    private static func readGSSAPI(_ payload: inout ByteBuffer) throws(WireError) -> Method {
        let count = try payload.readSSHUInt32()
        guard count <= GSSAPIMessages.maximumMechanisms else { throw .tooLong }
        var offersKerberos = false
        for _ in 0..<count {
            let mechanism = try payload.readSSHBytes(limit: maximumName)
            offersKerberos = offersKerberos || mechanism == GSSAPIMessages.kerberos
        }
        try payload.requireSSHEnd()
        return .gssapi(offersKerberos: offersKerberos)
    }
}
