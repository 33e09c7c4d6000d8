import Foundation
package import SharedModels

extension GSSAPIRequest {
    /// Where Kerberos logins take place.
    package static let path = "/gssapi"

    /// The body of the request: the keys of every question's head, then those of the step.
    package var json: [UInt8] {
        var text = JSONObjectText()
        text.add(head)
        switch step {
        case .token(let token, let state):
            text.add("tokenBase64", Data(token).base64EncodedString())
            if !state.isEmpty { text.add("state", state) }
        case .proof(let signed, let mic, let state):
            text.add("signedBase64", Data(signed).base64EncodedString())
            text.add("micBase64", Data(mic).base64EncodedString())
            text.add("state", state)
        }
        return Array((text.closed + "\n").utf8)
    }
}

/// The body of a step as a server of the contract reads it; unknown keys are ignored.
package struct GSSAPIRequestBody: Decodable, Sendable {
    package var request: GSSAPIRequest

    private enum CodingKeys: String, CodingKey {
        case tokenBase64, signedBase64, micBase64, state
    }

    /// Throws a `DecodingError` for a step that is none, and for what is no padded base64.
    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        let head = try AuthRequestHead(from: decoder)
        let state = try box.decodeIfPresent(String.self, forKey: .state) ?? ""
        func bytes(_ key: CodingKeys) throws -> [UInt8] {
            guard let data = Data(base64Encoded: try box.decode(String.self, forKey: key)) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key,
                    in: box,
                    debugDescription: "no base64"
                )
            }
            return [UInt8](data)
        }
        if box.contains(.tokenBase64) {
            request = GSSAPIRequest(head: head, step: .token(try bytes(.tokenBase64), state: state))
        } else {
            let (signed, mic) = (try bytes(.signedBase64), try bytes(.micBase64))
            request = GSSAPIRequest(
                head: head,
                step: .proof(signed: signed, mic: mic, state: state)
            )
        }
    }
}
