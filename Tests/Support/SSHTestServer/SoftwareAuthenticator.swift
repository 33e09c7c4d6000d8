import Crypto
import NIOCore
package import SharedSSH

/// A FIDO authenticator without the device: makes the keys and signatures of OpenSSH's
/// PROTOCOL.u2f.
package struct SoftwareAuthenticator: Sendable {
    private enum Key: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case ecdsa256(P256.Signing.PrivateKey)
    }

    private let key: Key
    private let application: [UInt8]
    package let type: SSHKeyType

    package init(_ type: SSHKeyType, application: String = "ssh:") {
        self.type = type
        self.application = Array(application.utf8)
        key =
            type == .securityKeyEd25519
            ? .ed25519(Curve25519.Signing.PrivateKey()) : .ecdsa256(P256.Signing.PrivateKey())
    }

    /// The public key in wire form.
    package var blob: [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeSSHString(type.rawValue)
        switch key {
        case .ed25519(let key):
            buffer.writeSSHString([UInt8](key.publicKey.rawRepresentation))
        case .ecdsa256(let key):
            buffer.writeSSHString("nistp256")
            buffer.writeSSHString([UInt8](key.publicKey.x963Representation))
        }
        buffer.writeSSHString(application)
        return Array(buffer.readableBytesView)
    }

    /// Signs as if it had been used in the way that `flags` say: 1 touched, 4 person verified.
    package func sign(_ data: [UInt8], flags: UInt8, counter: UInt32 = 1) throws -> [UInt8] {
        var message = ByteBuffer(bytes: SHA256.hash(data: application))
        message.writeInteger(flags)
        message.writeInteger(counter)
        message.writeBytes(SHA256.hash(data: data))
        let bytes = [UInt8](message.readableBytesView)
        var signature = ByteBuffer()
        signature.writeSSHString(type.rawValue)
        switch key {
        case .ed25519(let key): signature.writeSSHString([UInt8](try key.signature(for: bytes)))
        case .ecdsa256(let key):
            let raw = try key.signature(for: bytes).rawRepresentation
            signature.writeSSHString {
                $0.writeSSHMPInt(raw.prefix(32))
                $0.writeSSHMPInt(raw.suffix(32))
            }
        }
        signature.writeInteger(flags)
        signature.writeInteger(counter)
        return Array(signature.readableBytesView)
    }
}
