import COpenSSL
import NIOCore

/// One side of a Diffie-Hellman exchange in a group of RFC 3526 (RFC 4253 §8, RFC 8268).
///
/// OpenSSL draws secret exponents of twice the group's strength (RFC 4419 §6.2), which is what
/// keeps the larger groups affordable.
@safe final class DiffieHellman {
    enum Group {
        case modp2048
        case modp4096

        fileprivate var name: String {
            switch self {
            case .modp2048: "modp_2048"
            case .modp4096: "modp_4096"
            }
        }

        fileprivate var byteCount: Int {
            switch self {
            case .modp2048: 256
            case .modp4096: 512
            }
        }
    }

    private let group: Group
    private let key: OpaquePointer
    /// e or f without leading zeros.
    private let ownValue: [UInt8]

    init(_ group: Group) throws(TransportError) {
        guard let key = unsafe Self.generate(group) else { throw .cryptographyFailed }
        guard let value = unsafe Self.encodedValue(of: key) else {
            unsafe EVP_PKEY_free(key)
            throw .cryptographyFailed
        }
        self.group = group
        unsafe self.key = key
        ownValue = Array(value.drop { $0 == 0 })
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }

    /// e or f as the contents of an mpint.
    var publicValue: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeSSHMPInt(ownValue)
        buffer.moveReaderIndex(forwardBy: 4)
        return buffer.slice()
    }

    /// K, from the contents of the peer's mpint.
    ///
    /// A value outside 1 < x < p-1 is refused (RFC 4253 §8, RFC 8268 §4); in these groups, whose
    /// order has no small factor but 2, nothing else leads to a small subgroup.
    func agree(_ peerValue: ByteBuffer) throws(TransportError) -> [UInt8] {
        guard let value = Self.magnitude(peerValue), isInRange(value) else {
            throw .badPublicValue
        }
        guard let secret = derive(value) else { throw .cryptographyFailed }
        return secret
    }

    /// The number an mpint's contents stand for, if it is positive and written in its only form.
    private static func magnitude(_ contents: ByteBuffer) -> [UInt8]? {
        let bytes = [UInt8](contents.readableBytesView)
        guard let first = bytes.first, first < 0x80 else { return nil }
        guard first == 0 else { return bytes }
        guard bytes.count > 1, bytes[1] >= 0x80 else { return nil }
        return Array(bytes.dropFirst())
    }

    private func isInRange(_ value: [UInt8]) -> Bool {
        guard value.count <= group.byteCount, value != [1], let prime = prime() else {
            return false
        }
        guard value.count == group.byteCount else { return true }
        // The prime is odd, so p-1 differs in the last bit alone.
        let mostAllowed = prime.dropLast() + [prime[prime.count - 1] - 1]
        return value.lexicographicallyPrecedes(mostAllowed)
    }

    // MARK: - OpenSSL

    private static func generate(_ group: Group) -> OpaquePointer? {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "DH", nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { return nil }
        var name = Array(group.name.utf8CString)
        // The parameter keeps the pointer of its key: a text given directly lives for one call only.
        let isSet = unsafe OSSL_PKEY_PARAM_GROUP_NAME.withCString { parameter in
            unsafe name.withUnsafeMutableBufferPointer { name in
                let parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(parameter, name.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_PKEY_CTX_set_params(context, parameters) == 1
            }
        }
        var key: OpaquePointer?
        guard isSet, unsafe EVP_PKEY_generate(context, &key) == 1 else { return nil }
        return unsafe key
    }

    private static func encodedValue(of key: OpaquePointer) -> [UInt8]? {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = unsafe EVP_PKEY_get1_encoded_public_key(key, &bytes)
        guard count > 0, let bytes = unsafe bytes else { return nil }
        defer { unsafe CRYPTO_free(bytes, #file, #line) }
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    func prime() -> [UInt8]? {
        var number: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P, &number) == 1 else {
            return nil
        }
        defer { unsafe BN_free(number) }
        var bytes = [UInt8](repeating: 0, count: group.byteCount)
        guard unsafe BN_bn2binpad(number, &bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            return nil
        }
        return bytes
    }

    private func derive(_ value: [UInt8]) -> [UInt8]? {
        guard let peer = unsafe EVP_PKEY_new() else { return nil }
        defer { unsafe EVP_PKEY_free(peer) }
        let padded = [UInt8](repeating: 0, count: group.byteCount - value.count) + value
        guard unsafe EVP_PKEY_copy_parameters(peer, key) == 1,
            unsafe EVP_PKEY_set1_encoded_public_key(peer, padded, padded.count) == 1,
            let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
        else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var secret = [UInt8](repeating: 0, count: group.byteCount)
        var count = secret.count
        // The library's own check costs a modular power of full length (15 ms for 4096 bits) and
        // finds nothing that the range does not exclude.
        guard unsafe EVP_PKEY_derive_init(context) == 1,
            unsafe EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1,
            unsafe EVP_PKEY_derive(context, &secret, &count) == 1
        else { return nil }
        return Array(secret.prefix(count))
    }
}
