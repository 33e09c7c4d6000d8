/// Why a key cannot be used.
package enum KeyError: Error, Sendable, Hashable {
    /// The bytes are not a key.
    case malformed
    /// A type that exists but is not supported, for example a certificate; its name.
    case unsupportedType(String)
    /// An RSA key of so many bits is too short, or too long to be worked with.
    case badRSASize(Int)
    /// The private key is protected by a passphrase.
    case encrypted
    /// The key is of another type than the algorithm asks for.
    case wrongAlgorithm
    /// The cryptographic library refused.
    case cryptographyFailed
}
