import Foundation
import JWTKit
import SharedMessages

/// The claims of an ID token, in order (OpenID Connect Core 1.0 §3.1.3.7).
struct IDTokenClaims: Sendable {
    let subject: String
    let all: [String: JSONValue]
}

/// What is demanded of an ID token.
struct IDTokenRules: Sendable {
    let issuer: String
    let clientID: String
    /// `nil` in the device flow, which has none.
    let nonce: String?

    /// How far the clocks may differ, in seconds.
    private static let skew = 60

    /// Checks signature and claims with these keys, of which one must fit.
    func check(_ token: String, _ header: TokenHeader, _ keys: [JWK], at now: Int) async throws
        -> IDTokenClaims
    {
        let claims = try await verified(token, header, keys)
        func demand(_ isSo: Bool, _ what: String) throws(OAuth2Refusal) {
            guard isSo else { throw OAuth2Refusal(.oidcIDTokenInvalid, what) }
        }
        try demand(claims.iss == issuer, "other issuer")
        try demand(claims.aud.contains(clientID), "other audience")
        try demand(claims.aud.count == 1 || claims.azp != nil, "several audiences, no azp")
        try demand(claims.azp == nil || claims.azp == clientID, "other authorized party")
        try demand(Double(now - Self.skew) < claims.exp, "expired")
        try demand(claims.iat <= Double(now + Self.skew), "issued in the future")
        try demand((claims.nbf ?? 0) <= Double(now + Self.skew), "not yet valid")
        try demand(!claims.sub.isEmpty && claims.sub.utf8.count <= 255, "no subject")
        if let nonce {
            try demand(claims.nonce.map { ProofKey.areEqual($0, nonce) } == true, "other nonce")
        }
        return IDTokenClaims(subject: claims.sub, all: claims.all)
    }

    private func verified(
        _ token: String,
        _ header: TokenHeader,
        _ keys: [JWK]
    ) async throws -> SignedClaims {
        for var key in keys.prefix(8) {
            // The algorithm of the accepted header, so that no other can be meant.
            key.algorithm = header.algorithm
            key.keyIdentifier = JWKIdentifier(string: "key")
            guard let ring = try? await JWTKeyCollection().add(jwk: key, isDefault: true) else {
                continue
            }
            if let claims = try? await ring.verify(token, as: SignedClaims.self) { return claims }
        }
        throw OAuth2Refusal(
            .oidcIDTokenInvalid,
            keys.isEmpty ? "signed with an unknown key" : "signature or claims are not in order"
        )
    }
}

/// Times are in seconds since 1970.
private struct SignedClaims: JWTPayload {
    let iss: String
    let sub: String
    let aud: [String]
    let azp: String?
    let exp: Double
    let iat: Double
    let nbf: Double?
    let nonce: String?
    let all: [String: JSONValue]

    private enum CodingKeys: String, CodingKey {
        case iss, sub, aud, azp, exp, iat, nbf, nonce
    }

    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        iss = try box.decode(String.self, forKey: .iss)
        sub = try box.decode(String.self, forKey: .sub)
        if let one = try? box.decode(String.self, forKey: .aud) {
            aud = [one]
        } else {
            aud = try box.decode([String].self, forKey: .aud)
        }
        azp = try box.decodeIfPresent(String.self, forKey: .azp)
        exp = try box.decode(Double.self, forKey: .exp)
        iat = try box.decode(Double.self, forKey: .iat)
        nbf = try box.decodeIfPresent(Double.self, forKey: .nbf)
        nonce = try box.decodeIfPresent(String.self, forKey: .nonce)
        all = try [String: JSONValue](from: decoder)
    }

    /// Nobody here signs tokens.
    func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(iss, forKey: .iss)
        try box.encode(sub, forKey: .sub)
        try box.encode(aud, forKey: .aud)
        try box.encode(exp, forKey: .exp)
        try box.encode(iat, forKey: .iat)
    }

    /// The claims are looked at once the signature holds.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
