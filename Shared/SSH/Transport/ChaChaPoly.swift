import COpenSSL

/// One direction's `chacha20-poly1305@openssh.com` (OpenSSH's PROTOCOL.chacha20poly1305).
///
/// One key encrypts the length, another the rest and, with its first block, keys the MAC over
/// both. The nonce is the sequence number.
@safe final class ChaChaPoly {
    static let tagLength = 16

    private let lengthCipher: CipherContext
    private let bodyCipher: CipherContext
    private let mac: OpaquePointer
    /// 16 bytes of IV (block counter, little endian, then nonce, big endian), 32 of the MAC's key,
    /// 16 of a tag.
    private let scratch: UnsafeMutableRawPointer

    init(key: [UInt8], encrypts: Bool) throws(TransportError) {
        guard key.count == CipherAlgorithm.chaChaPoly.keyLength,
            let algorithm = unsafe OpenSSLAlgorithms.poly1305,
            let mac = unsafe EVP_MAC_CTX_new(algorithm)
        else { throw .cryptographyFailed }
        unsafe self.mac = mac
        unsafe scratch = .allocate(byteCount: 64, alignment: 8)
        unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
        let bodyKey = Array(key[..<32])
        let lengthKey = Array(key[32...])
        do throws(TransportError) {
            bodyCipher = try CipherContext(.chaChaPoly, key: bodyKey, iv: nil, encrypts: encrypts)
            lengthCipher = try CipherContext(
                .chaChaPoly,
                key: lengthKey,
                iv: nil,
                encrypts: encrypts
            )
        } catch {
            unsafe EVP_MAC_CTX_free(mac)
            unsafe scratch.deallocate()
            throw error
        }
    }

    deinit {
        unsafe EVP_MAC_CTX_free(mac)
        unsafe scratch.deallocate()
    }

    /// Encrypts in place `packet`: the length field, what it counts, and room for the tag.
    func seal(_ packet: UnsafeMutableRawBufferPointer, sequence: UInt32) -> Bool {
        let size = packet.count - Self.tagLength
        guard let start = packet.baseAddress, size > 4 else { return false }
        return unsafe startPacket(sequence)
            && lengthCipher.update(from: start, to: start, count: 4)
            && bodyCipher.update(from: start + 4, to: start + 4, count: size - 4)
            && computeTag(start, size, to: start + size)
    }

    /// The length field, which `bytes` begin with; the tag is not checked yet.
    func length(_ bytes: UnsafeRawPointer, sequence: UInt32) -> UInt32? {
        var clear: UInt32 = 0
        let isDone =
            unsafe restart(lengthCipher, sequence, block: 0)
            && withUnsafeMutableBytes(of: &clear) { target in
                guard let target = target.baseAddress else { return false }
                return unsafe lengthCipher.update(from: bytes, to: target, count: 4)
            }
        return isDone ? UInt32(bigEndian: clear) : nil
    }

    /// Checks the tag of `packet` (length field, body, tag) and decrypts the body into `target`.
    func open(
        _ packet: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawPointer,
        sequence: UInt32
    ) -> Bool {
        let size = packet.count - Self.tagLength
        guard let start = packet.baseAddress, size > 4 else { return false }
        return unsafe startPacket(sequence)
            && computeTag(start, size, to: scratch + 48)
            && CRYPTO_memcmp(scratch + 48, start + size, Self.tagLength) == 0
            && bodyCipher.update(from: start + 4, to: target, count: size - 4)
    }

    /// Keys the MAC and puts both ciphers at the start of the packet.
    private func startPacket(_ sequence: UInt32) -> Bool {
        let key = unsafe scratch + 16
        unsafe key.initializeMemory(as: UInt8.self, repeating: 0, count: 32)
        return unsafe restart(lengthCipher, sequence, block: 0)
            && restart(bodyCipher, sequence, block: 0)
            && bodyCipher.update(from: key, to: key, count: 32)
            && EVP_MAC_init(mac, key.assumingMemoryBound(to: UInt8.self), 32, nil) == 1
            && restart(bodyCipher, sequence, block: 1)
    }

    private func restart(_ cipher: CipherContext, _ sequence: UInt32, block: UInt32) -> Bool {
        unsafe scratch.storeBytes(of: UInt64(block).littleEndian, as: UInt64.self)
        unsafe scratch.storeBytes(
            of: UInt64(sequence).bigEndian,
            toByteOffset: 8,
            as: UInt64.self
        )
        return unsafe cipher.restart(iv: scratch)
    }

    private func computeTag(
        _ bytes: UnsafeRawPointer,
        _ count: Int,
        to target: UnsafeMutableRawPointer
    ) -> Bool {
        var written = 0
        let tag = unsafe target.assumingMemoryBound(to: UInt8.self)
        return unsafe EVP_MAC_update(mac, bytes.assumingMemoryBound(to: UInt8.self), count) == 1
            && EVP_MAC_final(mac, tag, &written, Self.tagLength) == 1
            && written == Self.tagLength
    }
}
