import Crypto
import CryptoExtras
package import FoundationEssentials
import NIOCore

/// Checking signatures (RFC 4253 §6.6, RFC 5656 §3.1.2, RFC 8332 §3, RFC 8709 §6, OpenSSH's
/// PROTOCOL.u2f).
extension SSHPublicKey {
    /// Whether `signature`, in wire form, is this key's over `data` by exactly `algorithm`.
    ///
    /// A signature that does not parse, or names another algorithm, is a wrong one. A security
    /// key's is right also if nobody touched it; who cares asks `verify`.
    package func verifies(
        _ signature: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> Bool {
        verify(signature, over: data, algorithm: algorithm) != nil
    }

    /// What a right signature says besides; `nil` for a wrong one.
    package func verify(
        _ signature: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> VerifiedSignature? {
        guard algorithm.keyType == type, signature.count <= Self.maximumLength else { return nil }
        var buffer = ByteBuffer(bytes: signature)
        // A signature that does not parse is refused like a wrong one.
        guard (try? buffer.readSSHText(limit: 64)) == algorithm.rawValue,
            let raw = try? buffer.readSSHBytes()
        else { return nil }
        guard let application = securityKeyApplication else {
            guard buffer.readableBytes == 0, verifies(raw: raw, over: data, algorithm: algorithm)
            else { return nil }
            return VerifiedSignature(securityKey: nil)
        }
        guard let use = SecurityKeyUse(reading: &buffer), buffer.readableBytes == 0,
            verifies(raw: raw, over: use.signed(data, for: application), algorithm: algorithm)
        else { return nil }
        return VerifiedSignature(securityKey: use)
    }

    private var securityKeyApplication: [UInt8]? {
        switch material {
        case .securityKeyEd25519(_, let application), .securityKeyECDSA256(_, let application):
            application
        case .ed25519, .ecdsa256, .ecdsa384, .ecdsa521, .rsa: nil
        }
    }

    private func verifies(
        raw: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> Bool {
        switch material {
        case .ed25519(let key), .securityKeyEd25519(let key, _):
            return key.isValidSignature(raw, for: data)
        case .ecdsa256(let key), .securityKeyECDSA256(let key, _):
            guard let parts = Self.ecdsaRaw(raw, size: 32),
                let signature = try? P256.Signing.ECDSASignature(rawRepresentation: parts)
            else { return false }
            return key.isValidSignature(signature, for: data)
        case .ecdsa384(let key):
            guard let parts = Self.ecdsaRaw(raw, size: 48),
                let signature = try? P384.Signing.ECDSASignature(rawRepresentation: parts)
            else { return false }
            return key.isValidSignature(signature, for: data)
        case .ecdsa521(let key):
            guard let parts = Self.ecdsaRaw(raw, size: 66),
                let signature = try? P521.Signing.ECDSASignature(rawRepresentation: parts)
            else { return false }
            return key.isValidSignature(signature, for: data)
        case .rsa(let key):
            return Self.verifiesRSA(key, raw, over: data, algorithm: algorithm)
        }
    }

    private static func verifiesRSA(
        _ key: _RSA.Signing.PublicKey,
        _ raw: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> Bool {
        // Some signers leave out leading zeros (RFC 8332 §3 has them padded).
        let size = (key.keySizeInBits + 7) / 8
        guard raw.count <= size else { return false }
        let padded = [UInt8](repeating: 0, count: size - raw.count) + raw
        let signature = _RSA.Signing.RSASignature(rawRepresentation: padded)
        return algorithm == .rsaSHA512
            ? key.isValidSignature(
                signature,
                for: SHA512.hash(data: data),
                padding: .insecurePKCS1v1_5
            )
            : key.isValidSignature(
                signature,
                for: SHA256.hash(data: data),
                padding: .insecurePKCS1v1_5
            )
    }

    /// The two numbers of an ECDSA signature, each `size` bytes.
    private static func ecdsaRaw(_ raw: [UInt8], size: Int) -> [UInt8]? {
        var buffer = ByteBuffer(bytes: raw)
        guard let r = try? buffer.readSSHMPInt(), let s = try? buffer.readSSHMPInt(),
            buffer.readableBytes == 0, r.count <= size, s.count <= size
        else { return nil }
        return [UInt8](repeating: 0, count: size - r.count) + r
            + [UInt8](repeating: 0, count: size - s.count) + s
    }
}
