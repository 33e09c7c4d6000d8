import Crypto
import NIOCore

/// The encrypted bytes of an age file: chunks of 64 KiB, each sealed under its number and whether
/// it is the last, so that none can be changed, moved, left out or added.
struct AgeStream {
    static let chunk = 64 << 10
    static let tag = 16
    static let nonce = 16

    private let key: SymmetricKey
    private(set) var number: UInt64 = 0

    init(_ fileKey: SymmetricKey, nonce: [UInt8]) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey,
            salt: nonce,
            info: Array("payload".utf8),
            outputByteCount: 32
        )
    }

    mutating func seal(_ bytes: ByteBufferView, isLast: Bool, into output: inout ByteBuffer) throws
    {
        let box = try ChaChaPoly.seal(Array(bytes), using: key, nonce: nonce(isLast))
        output.writeBytes(box.ciphertext)
        output.writeBytes(box.tag)
        number += 1
    }

    mutating func open(
        _ bytes: ByteBufferView,
        isLast: Bool,
        into output: inout ByteBuffer
    ) throws(AgeError) {
        do {
            let box = try ChaChaPoly.SealedBox(
                nonce: nonce(isLast),
                ciphertext: Array(bytes.dropLast(Self.tag)),
                tag: Array(bytes.suffix(Self.tag))
            )
            output.writeBytes(try ChaChaPoly.open(box, using: key))
        } catch {
            throw .damagedChunk(number)
        }
        number += 1
    }

    private func nonce(_ isLast: Bool) throws -> ChaChaPoly.Nonce {
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
        return try ChaChaPoly.Nonce(data: [0, 0, 0] + counter + [isLast ? 1 : 0])
    }
}
