import Crypto
import NIOCore

/// The hash that goes with a key exchange method.
enum KeyExchangeHash {
    case sha1
    case sha256
    case sha384
    case sha512

    func digest(_ bytes: ByteBuffer) -> [UInt8] {
        unsafe bytes.withUnsafeReadableBytes { pointer in
            switch self {
            case .sha1:
                var hash = Insecure.SHA1()
                unsafe hash.update(bufferPointer: pointer)
                return [UInt8](hash.finalize())
            case .sha256:
                var hash = SHA256()
                unsafe hash.update(bufferPointer: pointer)
                return [UInt8](hash.finalize())
            case .sha384:
                var hash = SHA384()
                unsafe hash.update(bufferPointer: pointer)
                return [UInt8](hash.finalize())
            case .sha512:
                var hash = SHA512()
                unsafe hash.update(bufferPointer: pointer)
                return [UInt8](hash.finalize())
            }
        }
    }
}

extension KeyExchangeMethod {
    var hash: KeyExchangeHash {
        switch self {
        case .mlkem768x25519, .curve25519, .curve25519LibSSH, .nistp256, .group14SHA256: .sha256
        case .nistp384: .sha384
        case .nistp521, .group16SHA512: .sha512
        case .group14SHA1: .sha1
        }
    }
}

/// Everything that the exchange hash covers (RFC 4253 §8, RFC 5656 §4, RFC 8731 §3.1).
struct ExchangeTranscript {
    var clientIdentification: String
    var serverIdentification: String
    /// The KEXINIT payloads, their message numbers included.
    var clientInit: ByteBuffer
    var serverInit: ByteBuffer
    var hostKey: [UInt8]
    var clientPublic: ByteBuffer
    var serverPublic: ByteBuffer

    func hash(_ secret: SharedSecret, with hash: KeyExchangeHash) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(8192)
        buffer.writeSSHString(clientIdentification)
        buffer.writeSSHString(serverIdentification)
        buffer.writeSSHString(clientInit)
        buffer.writeSSHString(serverInit)
        buffer.writeSSHString(hostKey)
        buffer.writeSSHString(clientPublic)
        buffer.writeSSHString(serverPublic)
        secret.write(into: &buffer)
        return hash.digest(buffer)
    }
}

/// The secret K as it goes into hashes.
enum SharedSecret {
    /// RFC 4253 §8, RFC 8731 §3.1.
    case number([UInt8])
    /// draft-ietf-sshm-mlkem-hybrid-kex §2.4.
    case string([UInt8])

    func write(into buffer: inout ByteBuffer) {
        switch self {
        case .number(let magnitude): buffer.writeSSHMPInt(magnitude)
        case .string(let bytes): buffer.writeSSHString(bytes)
        }
    }
}

/// Derives keys from the outcome of an exchange (RFC 4253 §7.2).
struct KeyDerivation {
    let hash: KeyExchangeHash
    let sessionID: [UInt8]
    /// K and H, the start of every hash.
    private let prefix: ByteBuffer

    init(
        secret: SharedSecret,
        exchangeHash: [UInt8],
        sessionID: [UInt8],
        hash: KeyExchangeHash
    ) {
        var buffer = ByteBuffer()
        secret.write(into: &buffer)
        buffer.writeBytes(exchangeHash)
        prefix = buffer
        self.hash = hash
        self.sessionID = sessionID
    }

    /// `letter` is `A` to `F`.
    func key(_ letter: Character, length: Int) -> [UInt8] {
        var input = prefix
        input.writeString(String(letter))
        input.writeBytes(sessionID)
        var key = hash.digest(input)
        while key.count < length {
            var more = prefix
            more.writeBytes(key)
            key += hash.digest(more)
        }
        return Array(key.prefix(length))
    }
}
