import COpenSSL

/// One direction's HMAC (RFC 4253 §6.4, RFC 6668) with the key set once.
@safe final class PacketMAC {
    let algorithm: MACAlgorithm
    private let context: OpaquePointer
    /// Room for the longest tag and, before a check, the one that was computed.
    private let tag: UnsafeMutablePointer<UInt8>

    init(_ algorithm: MACAlgorithm, key: [UInt8]) throws(TransportError) {
        guard key.count == algorithm.keyLength,
            let pattern = unsafe OpenSSLAlgorithms.hmac(algorithm),
            let context = unsafe EVP_MAC_CTX_dup(pattern)
        else { throw .cryptographyFailed }
        self.algorithm = algorithm
        unsafe self.context = context
        unsafe tag = .allocate(capacity: 64)
        guard unsafe EVP_MAC_init(context, key, key.count, nil) == 1 else {
            throw .cryptographyFailed
        }
    }

    deinit {
        unsafe EVP_MAC_CTX_free(context)
        unsafe tag.deallocate()
    }

    /// Writes the tag of a packet to `target`.
    func sign(
        sequence: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawPointer
    ) -> Bool {
        guard unsafe compute(sequence, bytes) else { return false }
        unsafe target.copyMemory(from: tag, byteCount: algorithm.length)
        return true
    }

    /// Whether `expected` is the tag of a packet; takes the same time wherever they differ.
    func verify(
        sequence: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ expected: UnsafeRawPointer
    ) -> Bool {
        unsafe compute(sequence, bytes) && CRYPTO_memcmp(tag, expected, algorithm.length) == 0
    }

    private func compute(_ sequence: UInt32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        var written = 0
        let restarted = unsafe EVP_MAC_init(context, nil, 0, nil) == 1
        let numbered = unsafe withUnsafeBytes(of: sequence.bigEndian) { number in
            unsafe EVP_MAC_update(
                context,
                number.baseAddress?.assumingMemoryBound(to: UInt8.self),
                number.count
            ) == 1
        }
        return unsafe restarted && numbered
            && EVP_MAC_update(context, start.assumingMemoryBound(to: UInt8.self), bytes.count) == 1
            && EVP_MAC_final(context, tag, &written, 64) == 1
            && written == algorithm.keyLength
    }
}
