import NIOCore
package import SharedSSH

/// Makes OpenSSH certificates, also such as `ssh-keygen -s` would not.
package struct CertificateMaker: Sendable {
    /// The certified key in wire form.
    package var key: [UInt8]
    package var authority: SSHPrivateKey
    package var serial: UInt64 = 7
    /// 1 for a user, 2 for a host.
    package var kind: UInt32 = 1
    package var keyID = "ann@laptop"
    package var principals = ["ann"]
    package var validAfter: UInt64 = 0
    package var validBefore: UInt64 = .max
    /// With values as they stand in the certificate.
    package var criticalOptions: [(name: String, data: [UInt8])] = []
    package var extensions: [(name: String, data: [UInt8])] = []

    package init(key: [UInt8], authority: SSHPrivateKey) {
        self.key = key
        self.authority = authority
    }

    /// The certificate in wire form.
    package func make() throws -> [UInt8] {
        var fields = ByteBuffer(bytes: key)
        let type = try fields.readSSHText()
        var buffer = ByteBuffer()
        buffer.writeSSHString(SSHKeyType(rawValue: type)?.certificateName ?? type)
        buffer.writeSSHString([UInt8](repeating: 9, count: 32))
        buffer.writeImmutableBuffer(fields)
        buffer.writeInteger(serial)
        buffer.writeInteger(kind)
        buffer.writeSSHString(keyID)
        buffer.writeSSHString { for name in principals { $0.writeSSHString(name) } }
        buffer.writeInteger(validAfter)
        buffer.writeInteger(validBefore)
        for options in [criticalOptions, extensions] {
            buffer.writeSSHString {
                for option in options {
                    $0.writeSSHString(option.name)
                    $0.writeSSHString(option.data)
                }
            }
        }
        buffer.writeSSHString("")
        buffer.writeSSHString(authority.publicKey.blob)
        let signed = Array(buffer.readableBytesView)
        let algorithm = authority.publicKey.type.signatureAlgorithms[0]
        buffer.writeSSHString(try authority.signature(over: signed, algorithm: algorithm))
        return Array(buffer.readableBytesView)
    }

    /// The value of an option that has one.
    package static func text(_ value: String) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeSSHString(value)
        return Array(buffer.readableBytesView)
    }
}
