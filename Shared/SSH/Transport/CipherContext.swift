import COpenSSL

/// An OpenSSL cipher with its key; see EVP_EncryptInit(3).
@safe final class CipherContext {
    private let context: OpaquePointer

    /// `iv` is `nil` where each packet brings its own.
    init(
        _ cipher: CipherAlgorithm,
        key: [UInt8],
        iv: [UInt8]?,
        encrypts: Bool
    ) throws(TransportError) {
        let keyLength = cipher == .chaChaPoly ? 32 : cipher.keyLength
        guard key.count == keyLength, iv?.count ?? 16 == 16,
            let algorithm = unsafe OpenSSLAlgorithms.cipher(cipher),
            let context = unsafe EVP_CIPHER_CTX_new()
        else { throw .cryptographyFailed }
        unsafe self.context = context
        let direction: Int32 = encrypts ? 1 : 0
        guard unsafe EVP_CipherInit_ex2(context, algorithm, key, iv, direction, nil) == 1 else {
            throw .cryptographyFailed
        }
        // SSH pads its packets itself.
        guard unsafe !cipher.isChained || EVP_CIPHER_CTX_set_padding(context, 0) == 1 else {
            throw .cryptographyFailed
        }
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    func restart(iv: UnsafeRawPointer) -> Bool {
        unsafe EVP_CipherInit_ex2(
            context,
            nil,
            nil,
            iv.assumingMemoryBound(to: UInt8.self),
            -1,
            nil
        ) == 1
    }

    /// Adds bytes that are authenticated only.
    func authenticate(_ bytes: UnsafeRawPointer, count: Int) -> Bool {
        var written: Int32 = 0
        return unsafe EVP_CipherUpdate(
            context,
            nil,
            &written,
            bytes.assumingMemoryBound(to: UInt8.self),
            Int32(clamping: count)
        ) == 1
    }

    /// Works on `count` bytes, at most a packet; `source` and `target` may be the same.
    func update(
        from source: UnsafeRawPointer,
        to target: UnsafeMutableRawPointer,
        count: Int
    ) -> Bool {
        var written: Int32 = 0
        let result = unsafe EVP_CipherUpdate(
            context,
            target.assumingMemoryBound(to: UInt8.self),
            &written,
            source.assumingMemoryBound(to: UInt8.self),
            Int32(clamping: count)
        )
        return result == 1 && Int(written) == count
    }

    /// Ends a message of an authenticated cipher; when decrypting, checks its tag.
    func finish(_ target: UnsafeMutableRawPointer) -> Bool {
        var written: Int32 = 0
        return unsafe EVP_CipherFinal_ex(
            context,
            target.assumingMemoryBound(to: UInt8.self),
            &written
        ) == 1
    }

    func control(_ command: Int32, _ count: Int32, _ pointer: UnsafeMutableRawPointer) -> Bool {
        unsafe EVP_CIPHER_CTX_ctrl(context, command, count, pointer) == 1
    }
}
