import Crypto
import CryptoExtras
import NIOCore

/// Parsing and building the wire form (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4).
extension SSHPublicKey {
    static func parse(_ buffer: inout ByteBuffer) throws(KeyError) -> (SSHKeyType, Material) {
        do {
            let name = try buffer.readSSHText(limit: 64)
            guard let type = SSHKeyType(rawValue: name) else {
                throw KeyError.unsupportedType(name)
            }
            let material = try material(of: type, from: &buffer)
            try buffer.requireSSHEnd()
            return (type, material)
        } catch let error as KeyError {
            throw error
        } catch {
            throw .malformed
        }
    }

    /// Reads what follows the type's name, up to the end of the key.
    static func material(
        of type: SSHKeyType,
        from buffer: inout ByteBuffer
    ) throws -> Material {
        if type == .rsa { return try rsaMaterial(&buffer) }
        if let curve = type.curveName {
            guard try buffer.readSSHText(limit: 16) == curve else { throw KeyError.malformed }
        }
        let point = try buffer.readSSHBytes(limit: 256)
        guard type.curveName == nil || point.first == 4 else { throw KeyError.malformed }
        return switch type {
        case .ed25519: .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: point))
        case .securityKeyEd25519:
            .securityKeyEd25519(
                try Curve25519.Signing.PublicKey(rawRepresentation: point),
                application: try buffer.readSSHBytes(limit: maximumApplication)
            )
        case .securityKeyECDSA256:
            .securityKeyECDSA256(
                try P256.Signing.PublicKey(x963Representation: point),
                application: try buffer.readSSHBytes(limit: maximumApplication)
            )
        case .ecdsa256: .ecdsa256(try P256.Signing.PublicKey(x963Representation: point))
        case .ecdsa384: .ecdsa384(try P384.Signing.PublicKey(x963Representation: point))
        case .ecdsa521: .ecdsa521(try P521.Signing.PublicKey(x963Representation: point))
        case .rsa: throw KeyError.malformed
        }
    }

    /// Applications are short names such as `ssh:`.
    private static let maximumApplication = 256

    private static func rsaMaterial(_ buffer: inout ByteBuffer) throws -> Material {
        let exponent = try buffer.readSSHMPInt(limit: 16)
        let modulus = try buffer.readSSHMPInt()
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        // Below 2048 the signature proves too little; above 16384 checking one costs too much.
        guard (2048...16384).contains(bits) else { throw KeyError.badRSASize(bits) }
        return .rsa(try _RSA.Signing.PublicKey(n: modulus, e: exponent))
    }

    init(_ material: Material) throws(KeyError) {
        var buffer = ByteBuffer()
        let type = material.type
        buffer.writeSSHString(type.rawValue)
        if let curve = type.curveName { buffer.writeSSHString(curve) }
        switch material {
        case .ed25519(let key): buffer.writeSSHString([UInt8](key.rawRepresentation))
        case .ecdsa256(let key): buffer.writeSSHString([UInt8](key.x963Representation))
        case .ecdsa384(let key): buffer.writeSSHString([UInt8](key.x963Representation))
        case .ecdsa521(let key): buffer.writeSSHString([UInt8](key.x963Representation))
        case .securityKeyEd25519(let key, let application):
            buffer.writeSSHString([UInt8](key.rawRepresentation))
            buffer.writeSSHString(application)
        case .securityKeyECDSA256(let key, let application):
            buffer.writeSSHString([UInt8](key.x963Representation))
            buffer.writeSSHString(application)
        case .rsa(let key):
            guard let numbers = try? key.getKeyPrimitives() else { throw .cryptographyFailed }
            buffer.writeSSHMPInt(numbers.publicExponent)
            buffer.writeSSHMPInt(numbers.modulus)
        }
        self.init(type: type, blob: [UInt8](buffer.readableBytesView), material: material)
    }
}

extension SSHPublicKey.Material {
    var type: SSHKeyType {
        switch self {
        case .ed25519: .ed25519
        case .ecdsa256: .ecdsa256
        case .ecdsa384: .ecdsa384
        case .ecdsa521: .ecdsa521
        case .rsa: .rsa
        case .securityKeyEd25519: .securityKeyEd25519
        case .securityKeyECDSA256: .securityKeyECDSA256
        }
    }
}
