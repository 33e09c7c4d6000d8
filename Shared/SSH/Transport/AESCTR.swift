import COpenSSL

/// One direction's AES-CTR (RFC 4344 §4), or AES-CBC (RFC 4253 §6.3), with its MAC.
@safe final class AESCTR {
    let mac: PacketMAC
    /// CBC: an answer must not show what a changed block turned into.
    let isChained: Bool
    private let context: CipherContext

    init(
        _ cipher: CipherAlgorithm,
        key: [UInt8],
        iv: [UInt8],
        mac: PacketMAC,
        encrypts: Bool
    ) throws(TransportError) {
        context = try CipherContext(cipher, key: key, iv: iv, encrypts: encrypts)
        self.mac = mac
        isChained = cipher.isChained
    }

    /// Encrypts in place `packet`: the length field, what it counts, and room for the tag.
    func seal(_ packet: UnsafeMutableRawBufferPointer, sequence: UInt32) -> Bool {
        let size = packet.count - mac.algorithm.length
        guard let start = packet.baseAddress, size > 4 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: size)
        if mac.algorithm.isEncryptThenMAC {
            return unsafe context.update(from: start + 4, to: start + 4, count: size - 4)
                && mac.sign(sequence: sequence, bytes, to: start + size)
        }
        return unsafe mac.sign(sequence: sequence, bytes, to: start + size)
            && context.update(from: start, to: start, count: size)
    }

    func decrypt(
        _ source: UnsafeRawPointer,
        into target: UnsafeMutableRawPointer,
        count: Int
    ) -> Bool {
        unsafe context.update(from: source, to: target, count: count)
    }
}
