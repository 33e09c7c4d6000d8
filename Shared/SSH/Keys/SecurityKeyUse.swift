import Crypto
package import FoundationEssentials
import NIOCore

/// A signature that verifies, and what it says besides.
package struct VerifiedSignature: Sendable, Hashable {
    /// How the authenticator was used; `nil` for keys that are in no authenticator.
    package let securityKey: SecurityKeyUse?
}

/// What a FIDO authenticator signs along with the data (OpenSSH's PROTOCOL.u2f).
package struct SecurityKeyUse: Sendable, Hashable {
    /// The flags of the authenticator data (W3C WebAuthn §6.1).
    package let flags: UInt8
    /// Signatures made so far, by the authenticator's own account.
    package let counter: UInt32

    package init(flags: UInt8, counter: UInt32) {
        self.flags = flags
        self.counter = counter
    }

    /// Reads what follows the signature proper; `nil` if it is cut short.
    init?(reading buffer: inout ByteBuffer) {
        guard let flags = buffer.readInteger(as: UInt8.self),
            let counter = buffer.readInteger(as: UInt32.self)
        else { return nil }
        self.init(flags: flags, counter: counter)
    }

    /// Somebody touched the authenticator.
    package var isUserPresent: Bool { flags & 0x01 != 0 }

    /// The authenticator knew the person, by a PIN or a fingerprint.
    package var isUserVerified: Bool { flags & 0x04 != 0 }

    /// What the authenticator signed for `data`.
    package func signed(_ data: some DataProtocol, for application: [UInt8]) -> [UInt8] {
        var message = ByteBuffer(bytes: SHA256.hash(data: application))
        message.writeInteger(flags)
        message.writeInteger(counter)
        message.writeBytes(SHA256.hash(data: data))
        return [UInt8](message.readableBytesView)
    }
}
