import Crypto
import CryptoExtras
import Foundation

/// The keys of a provider, and tokens signed with them by hand, also wrongly.
package struct SigningKeys: Sendable {
    package enum Algorithm: String, Sendable, CaseIterable {
        case rs256 = "RS256"
        case ps256 = "PS256"
        case es256 = "ES256"
        case eddsa = "EdDSA"
        /// Not signed at all.
        case none = "none"
        /// By a shared secret, which is the public key that everybody knows.
        case hs256 = "HS256"
    }

    private let rsa: _RSA.Signing.PrivateKey?
    private let ecdsa = P256.Signing.PrivateKey()
    private let eddsa = Curve25519.Signing.PrivateKey()
    /// Before the names of all its keys.
    private let prefix: String

    /// Making an RSA key takes long; one is enough for all who do not rotate it.
    private static let sharedRSA = try? _RSA.Signing.PrivateKey(keySize: .bits2048)

    package init() {
        rsa = Self.sharedRSA
        prefix = ""
    }

    /// Keys that nobody else has.
    package init(fresh prefix: String) {
        rsa = try? _RSA.Signing.PrivateKey(keySize: .bits2048)
        self.prefix = prefix
    }

    /// The set of public keys (RFC 7517 §5), with one of a kind that nobody knows.
    package var set: String {
        let (n, e) =
            (try? rsa?.publicKey.getKeyPrimitives()).map {
                ($0.modulus.base64URL, $0.publicExponent.base64URL)
            } ?? ("", "")
        let point = ecdsa.publicKey.rawRepresentation
        let (x, y) = (point.prefix(32).base64URL, point.suffix(32).base64URL)
        let edwards = eddsa.publicKey.rawRepresentation.base64URL
        return """
            {"keys":[
            {"kty":"XYZ","kid":"\(prefix)strange","use":"sig"},
            {"kty":"RSA","kid":"\(prefix)rsa","use":"sig","n":"\(n)","e":"\(e)"},
            {"kty":"RSA","kid":"\(prefix)secret","use":"enc","n":"\(n)","e":"\(e)"},
            {"kty":"EC","kid":"\(prefix)ec","crv":"P-256","alg":"ES256","x":"\(x)","y":"\(y)"},
            {"kty":"OKP","kid":"\(prefix)ed","crv":"Ed25519","alg":"EdDSA","x":"\(edwards)"}]}
            """
    }

    private func name(_ algorithm: Algorithm) -> String {
        switch algorithm {
        case .rs256, .ps256, .none, .hs256: prefix + "rsa"
        case .es256: prefix + "ec"
        case .eddsa: prefix + "ed"
        }
    }

    func token(_ claims: String, _ algorithm: Algorithm, keyID: String? = nil) -> String {
        let header =
            #"{"alg":"\#(algorithm.rawValue)","typ":"JWT","kid":"\#(keyID ?? name(algorithm))"}"#
        let text = "\(Data(header.utf8).base64URL).\(Data(claims.utf8).base64URL)"
        return "\(text).\((signature(Data(text.utf8), algorithm) ?? Data()).base64URL)"
    }

    private func signature(_ data: Data, _ algorithm: Algorithm) -> Data? {
        switch algorithm {
        case .rs256:
            try? rsa?.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
                .rawRepresentation
        case .ps256:
            try? rsa?.signature(for: SHA256.hash(data: data), padding: .PSS).rawRepresentation
        case .es256: try? ecdsa.signature(for: data).rawRepresentation
        case .eddsa: try? eddsa.signature(for: data)
        case .none: nil
        case .hs256:
            Data(
                HMAC<SHA256>.authenticationCode(
                    for: data,
                    using: SymmetricKey(data: Data((rsa?.publicKey.pemRepresentation ?? "").utf8))
                )
            )
        }
    }
}

extension Data {
    var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }
}
