import NIOCore

/// The messages of gssapi-with-mic (RFC 4462 §3).
enum GSSAPIMessages {
    static let method = "gssapi-with-mic"
    /// 1.2.840.113554.1.2.2 in DER (RFC 4121 §1).
    static let kerberos: [UInt8] = [
        0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02,
    ]
    static let maximumMechanisms = 64
    /// The longest token or MIC in bytes; tickets with many groups in them need this.
    static let maximumToken = 64 * 1024

    /// SSH_MSG_USERAUTH_GSSAPI_RESPONSE: the mechanism that is used.
    static var response: ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthMethod60)
        message.writeSSHString(kerberos)
        return message
    }

    /// SSH_MSG_USERAUTH_GSSAPI_TOKEN.
    static func token(_ bytes: [UInt8]) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthMethod61)
        message.writeSSHString(bytes)
        return message
    }

    /// Reads a token or a MIC: one string after the message's number.
    static func bytes(in message: ByteBuffer) throws(WireError) -> [UInt8] {
        var payload = message
        _ = try payload.readSSHByte()
        let bytes = try payload.readSSHBytes(limit: maximumToken)
        try payload.requireSSHEnd()
        return bytes
    }

    /// What the client's MIC covers (RFC 4462 §3.5).
    static func signed(sessionID: [UInt8], username: String) -> [UInt8] {
        var data = ByteBuffer()
        data.writeSSHString(sessionID)
        data.writeSSHMessage(.userAuthRequest)
        data.writeSSHString(username)
        data.writeSSHString("ssh-connection")
        data.writeSSHString(method)
        return [UInt8](data.readableBytesView)
    }
}
