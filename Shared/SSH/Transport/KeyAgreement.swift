import Crypto
import FoundationEssentials
import NIOCore

/// The client's half of a key exchange: what it keeps until the server has answered.
enum ClientKeyAgreement {
    case curve25519(Curve25519.KeyAgreement.PrivateKey)
    case mlkem768x25519(MLKEM768.PrivateKey, Curve25519.KeyAgreement.PrivateKey)
    case nistp256(P256.KeyAgreement.PrivateKey)
    case nistp384(P384.KeyAgreement.PrivateKey)
    case nistp521(P521.KeyAgreement.PrivateKey)
    case finiteField(DiffieHellman)

    init(_ method: KeyExchangeMethod) throws(TransportError) {
        switch method {
        case .curve25519, .curve25519LibSSH: self = .curve25519(.init())
        case .mlkem768x25519:
            guard let key = try? MLKEM768.PrivateKey() else { throw .cryptographyFailed }
            self = .mlkem768x25519(key, .init())
        case .nistp256: self = .nistp256(.init())
        case .nistp384: self = .nistp384(.init())
        case .nistp521: self = .nistp521(.init())
        case .group14SHA256, .group14SHA1: self = .finiteField(try DiffieHellman(.modp2048))
        case .group16SHA512: self = .finiteField(try DiffieHellman(.modp4096))
        }
    }

    /// Q_C, C_INIT of the hybrid method, or the contents of the number e.
    var publicValue: ByteBuffer {
        switch self {
        case .curve25519(let key): ByteBuffer(bytes: key.publicKey.rawRepresentation)
        case .mlkem768x25519(let kem, let key):
            ByteBuffer(bytes: kem.publicKey.rawRepresentation + key.publicKey.rawRepresentation)
        case .nistp256(let key): ByteBuffer(bytes: key.publicKey.x963Representation)
        case .nistp384(let key): ByteBuffer(bytes: key.publicKey.x963Representation)
        case .nistp521(let key): ByteBuffer(bytes: key.publicKey.x963Representation)
        case .finiteField(let key): key.publicValue
        }
    }

    /// The secret that follows from the server's public value.
    func finish(_ serverPublic: ByteBuffer) throws(TransportError) -> SharedSecret {
        let bytes = Data(serverPublic.readableBytesView)
        // Whatever the library finds wrong, it is the peer's value.
        do {
            switch self {
            case .curve25519(let key):
                return .number(try key.agree(bytes))
            case .mlkem768x25519(let kem, let key):
                guard bytes.count == Hybrid.ciphertextLength + 32 else { throw Refused() }
                let first = try kem.decapsulate(bytes.prefix(Hybrid.ciphertextLength))
                return Hybrid.combine(first, try key.agree(bytes.suffix(32)))
            case .nistp256(let key): return .number(try key.agree(bytes))
            case .nistp384(let key): return .number(try key.agree(bytes))
            case .nistp521(let key): return .number(try key.agree(bytes))
            case .finiteField(let key): return .number(try key.agree(serverPublic))
            }
        } catch {
            throw .badPublicValue
        }
    }
}

/// The server's half of a key exchange, done in one step.
struct ServerKeyAgreement {
    /// Q_S, S_REPLY of the hybrid method, or the contents of the number f.
    let publicValue: ByteBuffer
    let secret: SharedSecret

    init(_ method: KeyExchangeMethod, clientPublic: ByteBuffer) throws(TransportError) {
        let bytes = Data(clientPublic.readableBytesView)
        do {
            (publicValue, secret) = try Self.agree(method, bytes)
        } catch {
            throw .badPublicValue
        }
    }

    private static func agree(
        _ method: KeyExchangeMethod,
        _ bytes: Data
    ) throws -> (ByteBuffer, SharedSecret) {
        switch method {
        case .curve25519, .curve25519LibSSH:
            let key = Curve25519.KeyAgreement.PrivateKey()
            let value = ByteBuffer(bytes: key.publicKey.rawRepresentation)
            return (value, .number(try key.agree(bytes)))
        case .mlkem768x25519: return try Hybrid.answer(bytes)
        case .nistp256:
            let key = P256.KeyAgreement.PrivateKey()
            let value = ByteBuffer(bytes: key.publicKey.x963Representation)
            return (value, .number(try key.agree(bytes)))
        case .nistp384:
            let key = P384.KeyAgreement.PrivateKey()
            let value = ByteBuffer(bytes: key.publicKey.x963Representation)
            return (value, .number(try key.agree(bytes)))
        case .nistp521:
            let key = P521.KeyAgreement.PrivateKey()
            let value = ByteBuffer(bytes: key.publicKey.x963Representation)
            return (value, .number(try key.agree(bytes)))
        case .group14SHA256, .group14SHA1: return try answer(DiffieHellman(.modp2048), bytes)
        case .group16SHA512: return try answer(DiffieHellman(.modp4096), bytes)
        }
    }
}

extension ServerKeyAgreement {
    private static func answer(
        _ key: DiffieHellman,
        _ bytes: Data
    ) throws -> (ByteBuffer, SharedSecret) {
        (key.publicValue, .number(try key.agree(ByteBuffer(bytes: bytes))))
    }
}

/// A value that has the wrong length, form or outcome.
private struct Refused: Error {}

/// ML-KEM-768 with X25519 (draft-ietf-sshm-mlkem-hybrid-kex §2.3, FIPS 203 §8).
private enum Hybrid {
    static let encapsulationKeyLength = 1184
    static let ciphertextLength = 1088

    static func answer(_ bytes: Data) throws -> (ByteBuffer, SharedSecret) {
        guard bytes.count == encapsulationKeyLength + 32 else { throw Refused() }
        let kem = try MLKEM768.PublicKey(rawRepresentation: bytes.prefix(encapsulationKeyLength))
        let sealed = try kem.encapsulate()
        let key = Curve25519.KeyAgreement.PrivateKey()
        let second = try key.agree(bytes.suffix(32))
        let value = ByteBuffer(bytes: sealed.encapsulated + key.publicKey.rawRepresentation)
        return (value, combine(sealed.sharedSecret, second))
    }

    static func combine(_ first: SymmetricKey, _ second: [UInt8]) -> SharedSecret {
        var hash = SHA256()
        unsafe first.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        hash.update(data: second)
        return .string([UInt8](hash.finalize()))
    }
}

extension Curve25519.KeyAgreement.PrivateKey {
    /// The shared secret, which must not be zeros (RFC 8731 §3).
    fileprivate func agree(_ bytes: Data) throws -> [UInt8] {
        guard bytes.count == 32 else { throw Refused() }
        let peer = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes)
        let secret = unsafe try sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes {
            unsafe [UInt8]($0)
        }
        guard secret.contains(where: { $0 != 0 }) else { throw Refused() }
        return secret
    }
}

extension P256.KeyAgreement.PrivateKey {
    fileprivate func agree(_ bytes: Data) throws -> [UInt8] {
        guard bytes.first == 4 else { throw Refused() }
        let peer = try P256.KeyAgreement.PublicKey(x963Representation: bytes)
        return unsafe try sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes {
            unsafe [UInt8]($0)
        }
    }
}

extension P384.KeyAgreement.PrivateKey {
    fileprivate func agree(_ bytes: Data) throws -> [UInt8] {
        guard bytes.first == 4 else { throw Refused() }
        let peer = try P384.KeyAgreement.PublicKey(x963Representation: bytes)
        return unsafe try sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes {
            unsafe [UInt8]($0)
        }
    }
}

extension P521.KeyAgreement.PrivateKey {
    fileprivate func agree(_ bytes: Data) throws -> [UInt8] {
        guard bytes.first == 4 else { throw Refused() }
        let peer = try P521.KeyAgreement.PublicKey(x963Representation: bytes)
        return unsafe try sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes {
            unsafe [UInt8]($0)
        }
    }
}
