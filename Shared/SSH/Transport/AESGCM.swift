import COpenSSL

/// One direction's AES-GCM (RFC 5647 §7, OpenSSH's PROTOCOL §1.6).
///
/// OpenSSL keeps the expanded key between packets and works on memory it is given; a sealed box
/// per packet costs two to four times as much for the small packets of a terminal.
@safe final class AESGCM {
    static let tagLength = 16

    private let context: CipherContext
    /// Four fixed bytes and a counter of eight (RFC 5647 §7.1).
    private let nonce: UnsafeMutableRawPointer
    private var counter: UInt64

    init(
        _ cipher: CipherAlgorithm,
        key: [UInt8],
        iv: [UInt8],
        encrypts: Bool
    ) throws(TransportError) {
        context = try CipherContext(cipher, key: key, iv: nil, encrypts: encrypts)
        unsafe nonce = .allocate(byteCount: 12, alignment: 8)
        unsafe nonce.copyMemory(from: iv, byteCount: 12)
        counter = unsafe UInt64(bigEndian: nonce.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    deinit {
        unsafe nonce.deallocate()
    }

    /// Encrypts in place `packet`: the length field, which stays readable, what it counts, and
    /// room for the tag.
    func seal(_ packet: UnsafeMutableRawBufferPointer) -> Bool {
        guard let start = packet.baseAddress, packet.count > 4 + Self.tagLength else {
            return false
        }
        let body = unsafe start + 4
        let count = packet.count - 4 - Self.tagLength
        defer { advance() }
        return unsafe context.restart(iv: nonce)
            && context.authenticate(start, count: 4)
            && context.update(from: body, to: body, count: count)
            && context.finish(body + count)
            && context.control(EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), body + count)
    }

    /// Decrypts the body of `packet` (length field, body, tag) into `target`.
    func open(
        _ packet: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawPointer
    ) -> Bool {
        guard let start = packet.baseAddress, packet.count > 4 + Self.tagLength else {
            return false
        }
        let count = packet.count - 4 - Self.tagLength
        let tag = unsafe UnsafeMutableRawPointer(mutating: start + 4 + count)
        defer { advance() }
        return unsafe context.restart(iv: nonce)
            && context.control(EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), tag)
            && context.authenticate(start, count: 4)
            && context.update(from: start + 4, to: target, count: count)
            && context.finish(target + count)
    }

    private func advance() {
        counter &+= 1
        unsafe nonce.storeBytes(of: counter.bigEndian, toByteOffset: 4, as: UInt64.self)
    }
}
