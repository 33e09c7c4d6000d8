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
    nonisolated(unsafe) static let hmac = unsafe EVP_MAC_fetch(nil, "HMAC", nil)

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
