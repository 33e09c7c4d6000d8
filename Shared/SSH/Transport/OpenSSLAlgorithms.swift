import COpenSSL

/// The algorithms looked up once: a fetch costs more than the encryption of a small packet.
///
/// The pointers are never freed and OpenSSL lets all threads share them (crypto(7), THREAD
/// SAFETY), hence `nonisolated(unsafe)`.
enum OpenSSLAlgorithms {
    nonisolated(unsafe) private static let aes128GCM = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-128-GCM",
        nil
    )
    nonisolated(unsafe) private static let aes256GCM = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-256-GCM",
        nil
    )
    nonisolated(unsafe) private static let aes128CTR = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-128-CTR",
        nil
    )
    nonisolated(unsafe) private static let aes192CTR = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-192-CTR",
        nil
    )
    nonisolated(unsafe) private static let aes256CTR = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-256-CTR",
        nil
    )
    nonisolated(unsafe) private static let aes128CBC = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-128-CBC",
        nil
    )
    nonisolated(unsafe) private static let aes192CBC = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-192-CBC",
        nil
    )
    nonisolated(unsafe) private static let aes256CBC = unsafe EVP_CIPHER_fetch(
        nil,
        "AES-256-CBC",
        nil
    )
    nonisolated(unsafe) private static let chaCha20 = unsafe EVP_CIPHER_fetch(
        nil,
        "ChaCha20",
        nil
    )
    nonisolated(unsafe) static let poly1305 = unsafe EVP_MAC_fetch(nil, "POLY1305", nil)
    nonisolated(unsafe) private static let hmacSHA1 = unsafe keyedHMAC("SHA1")
    nonisolated(unsafe) private static let hmacSHA256 = unsafe keyedHMAC("SHA256")
    nonisolated(unsafe) private static let hmacSHA512 = unsafe keyedHMAC("SHA512")

    /// A context to be copied, with a key that is replaced in the copy: naming the digest to each
    /// connection's own would look it up again, which takes locks of the whole process.
    static func hmac(_ algorithm: MACAlgorithm) -> OpaquePointer? {
        switch algorithm {
        case .sha256ETM, .sha256: unsafe hmacSHA256
        case .sha512ETM, .sha512: unsafe hmacSHA512
        case .sha1, .sha1Short: unsafe hmacSHA1
        }
    }

    private static func keyedHMAC(_ digest: String) -> OpaquePointer? {
        guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil),
            let context = unsafe EVP_MAC_CTX_new(mac)
        else { return nil }
        var name = Array(digest.utf8CString)
        // The parameter keeps the pointer of its key: a text given directly lives for one call only.
        let isReady = unsafe OSSL_MAC_PARAM_DIGEST.withCString { key in
            unsafe name.withUnsafeMutableBufferPointer { digest in
                let parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(key, digest.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_MAC_init(context, [0], 1, parameters) == 1
            }
        }
        return unsafe isReady ? context : nil
    }

    static func cipher(_ algorithm: CipherAlgorithm) -> OpaquePointer? {
        switch algorithm {
        case .aes128GCM: unsafe aes128GCM
        case .aes256GCM: unsafe aes256GCM
        case .aes128CTR: unsafe aes128CTR
        case .aes192CTR: unsafe aes192CTR
        case .aes256CTR: unsafe aes256CTR
        case .aes128CBC: unsafe aes128CBC
        case .aes192CBC: unsafe aes192CBC
        case .aes256CBC: unsafe aes256CBC
        case .chaChaPoly: unsafe chaCha20
        }
    }
}
