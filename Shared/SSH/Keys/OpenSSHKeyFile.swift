import Crypto
import CryptoExtras
import NIOCore

/// OpenSSH's private key format, version 1 (its PROTOCOL.key), without encryption.
enum OpenSSHKeyFile {
    private static let magic = Array("openssh-key-v1\0".utf8)

    static func read(_ bytes: [UInt8]) throws(KeyError) -> SSHPrivateKey {
        var buffer = ByteBuffer(bytes: bytes)
        do {
            guard buffer.readBytes(length: magic.count) == magic else { throw KeyError.malformed }
            guard try buffer.readSSHText() == "none", try buffer.readSSHText() == "none" else {
                throw KeyError.encrypted
            }
            _ = try buffer.readSSHString()
            guard try buffer.readSSHUInt32() == 1 else { throw KeyError.malformed }
            let blob = try buffer.readSSHBytes(limit: SSHPublicKey.maximumLength)
            var section = try buffer.readSSHString()
            return try readPrivate(&section, publicBlob: blob)
        } catch let error as KeyError {
            throw error
        } catch {
            throw .malformed
        }
    }

    static func write(_ key: SSHPrivateKey) throws(KeyError) -> String {
        var section = ByteBuffer()
        let check = UInt32.random(in: 0 ... .max)
        section.writeMultipleIntegers(check, check)
        try writePrivate(key, into: &section)
        section.writeSSHString(key.comment)
        for filler in UInt8(1)...8 where section.readableBytes % 8 != 0 {
            section.writeInteger(filler)
        }
        var buffer = ByteBuffer(bytes: magic)
        buffer.writeSSHString("none")
        buffer.writeSSHString("none")
        buffer.writeSSHString("")
        buffer.writeInteger(1, as: UInt32.self)
        buffer.writeSSHString(key.publicKey.blob)
        buffer.writeSSHString(section)
        return PEM.encode(Array(buffer.readableBytesView), label: "OPENSSH PRIVATE KEY")
    }

    private static func readPrivate(
        _ section: inout ByteBuffer,
        publicBlob: [UInt8]
    ) throws -> SSHPrivateKey {
        guard try section.readSSHUInt32() == section.readSSHUInt32() else {
            throw KeyError.malformed
        }
        let name = try section.readSSHText(limit: 64)
        guard let type = SSHKeyType(rawValue: name), !type.isSecurityKey else {
            // A security key's file holds a handle for the authenticator, no key.
            throw KeyError.unsupportedType(name)
        }
        let material = try readMaterial(type, &section)
        let key = try SSHPrivateKey(material, comment: try section.readSSHLossyText())
        guard key.publicKey.blob == publicBlob else { throw KeyError.malformed }
        return key
    }

    private static func readMaterial(
        _ type: SSHKeyType,
        _ section: inout ByteBuffer
    ) throws -> SSHPrivateKey.Material {
        if type == .rsa { return .rsa(try readRSA(&section)) }
        if type == .ed25519 {
            _ = try section.readSSHString()
            let seed = try section.readSSHBytes().prefix(32)
            return .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
        }
        _ = try section.readSSHString()
        _ = try section.readSSHString()
        let number = try section.readSSHMPInt()
        switch type {
        case .ecdsa256:
            return .ecdsa256(try P256.Signing.PrivateKey(rawRepresentation: number.padded(32)))
        case .ecdsa384:
            return .ecdsa384(try P384.Signing.PrivateKey(rawRepresentation: number.padded(48)))
        case .ecdsa521:
            return .ecdsa521(try P521.Signing.PrivateKey(rawRepresentation: number.padded(66)))
        case .ed25519, .rsa, .securityKeyEd25519, .securityKeyECDSA256:
            throw KeyError.malformed
        }
    }

    private static func readRSA(_ section: inout ByteBuffer) throws -> _RSA.Signing.PrivateKey {
        let modulus = try section.readSSHMPInt()
        let exponent = try section.readSSHMPInt(limit: 16)
        let secret = try section.readSSHMPInt()
        _ = try section.readSSHMPInt()
        let p = try section.readSSHMPInt()
        let q = try section.readSSHMPInt()
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard (2048...16384).contains(bits) else { throw KeyError.badRSASize(bits) }
        return try _RSA.Signing.PrivateKey(n: modulus, e: exponent, d: secret, p: p, q: q)
    }

    private static func writePrivate(
        _ key: SSHPrivateKey,
        into buffer: inout ByteBuffer
    ) throws(KeyError) {
        var parts = ByteBuffer(bytes: key.publicKey.blob)
        switch key.material {
        case .ed25519(let secret):
            buffer.writeBuffer(&parts)
            let publicBytes = [UInt8](secret.publicKey.rawRepresentation)
            buffer.writeSSHString([UInt8](secret.rawRepresentation) + publicBytes)
        case .ecdsa256(let secret):
            buffer.writeBuffer(&parts)
            buffer.writeSSHMPInt(secret.rawRepresentation)
        case .ecdsa384(let secret):
            buffer.writeBuffer(&parts)
            buffer.writeSSHMPInt(secret.rawRepresentation)
        case .ecdsa521(let secret):
            buffer.writeBuffer(&parts)
            buffer.writeSSHMPInt(secret.rawRepresentation)
        case .rsa: throw .unsupportedType(SSHKeyType.rsa.rawValue)
        }
    }
}

extension SSHPrivateKey {
    /// The key as a file that `ssh-keygen` and `ssh` read. RSA keys are only read here, never made:
    /// for them this is PKCS#8, which OpenSSH reads as well.
    package func fileText() throws(KeyError) -> String {
        if case .rsa(let key) = material { return key.pkcs8PEMRepresentation }
        return try OpenSSHKeyFile.write(self)
    }
}

extension [UInt8] {
    /// The same number with zeros in front, `size` bytes long.
    fileprivate func padded(_ size: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: Swift.max(0, size - count)) + self
    }
}
