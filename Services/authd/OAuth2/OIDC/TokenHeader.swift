import Foundation
import JWTKit

/// The header of a signed token (RFC 7515 §4), as far as it chooses the key.
struct TokenHeader: Sendable, Decodable {
    let alg: String
    let kid: String?
    /// Names extensions that must be understood (§4.1.11); none is.
    let crit: [String]?

    /// `nil` for what is no token, and for one signed by an algorithm that is not accepted: `none`,
    /// those with a shared secret, and all others that do not prove that the provider signed.
    init?(of token: String) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let data = Data(base64URL: parts[0]),
            let header = try? JSONDecoder().decode(Self.self, from: data),
            header.algorithm != nil, header.crit == nil
        else { return nil }
        self = header
    }

    var algorithm: JWK.Algorithm? {
        switch alg {
        case "RS256": .rs256
        case "RS384": .rs384
        case "RS512": .rs512
        case "PS256": .ps256
        case "PS384": .ps384
        case "PS512": .ps512
        case "ES256": .es256
        case "ES384": .es384
        case "ES512": .es512
        case "EdDSA": .eddsa
        default: nil
        }
    }

    /// Whether a key fits: its name, its kind, and the algorithm that it is for.
    func mayBeSigned(by key: JWK) -> Bool {
        if let kid, key.keyIdentifier?.string != kid { return false }
        if let own = key.algorithm, own != algorithm { return false }
        switch alg.prefix(2) {
        case "RS", "PS":
            // 2048 bits at least; shorter ones can be broken.
            let size = key.modulus.flatMap { Data(base64URL: $0[...]) }?.count ?? 0
            return key.keyType == .rsa && size >= 256
        case "ES": return key.keyType == .ecdsa
        default: return key.keyType == .octetKeyPair
        }
    }
}

extension Data {
    /// RFC 4648 §5, with or without padding; `nil` for anything else.
    init?(base64URL text: Substring) {
        var text = text.replacing("-", with: "+").replacing("_", with: "/")
        while text.hasSuffix("=") { text.removeLast() }
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        self.init(base64Encoded: String(text))
    }
}
