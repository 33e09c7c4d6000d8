import Crypto
import CryptoExtras
package import FoundationEssentials
import NIOCore

/// Checking signatures (RFC 4253 §6.6, RFC 5656 §3.1.2, RFC 8332 §3, RFC 8709 §6).
extension SSHPublicKey {
    /// Whether `signature`, in wire form, is this key's over `data` by exactly `algorithm`.
    ///
    /// A signature that does not parse, or names another algorithm, is a wrong one.
    package func verifies(
        _ signature: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> Bool {
        guard algorithm.keyType == type, signature.count <= Self.maximumLength else { return false }
        var buffer = ByteBuffer(bytes: signature)
        // A signature that does not parse is refused like a wrong one.
        guard (try? buffer.readSSHText(limit: 64)) == algorithm.rawValue,
            let raw = try? buffer.readSSHBytes(),
            buffer.readableBytes == 0
        else { return false }
        return verifies(raw: raw, over: data, algorithm: algorithm)
    }

    private func verifies(
        raw: [UInt8],
        over data: some DataProtocol,
        algorithm: SSHSignatureAlgorithm
    ) -> Bool {
        switch material {
        case .ed25519(let key):
            return key.isValidSignature(raw, for: data)
        case .ecdsa256(let key):
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
