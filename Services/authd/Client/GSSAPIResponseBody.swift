import Foundation
package import SharedModels

/// The body of an answer to a step: that of every other question, or `continue`.
///
/// A body with both a success and a continuation is a success.
package struct GSSAPIResponseBody: Codable, Sendable {
    package var response: GSSAPIResponse

    package init(_ response: GSSAPIResponse) { self.response = response }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: AnyKey.self)
        let verdict = try AuthResponseBody(from: decoder).response
        if !verdict.success, let next = try box.value(ContinuationBody.self, "continue") {
            response = .goesOn(next.continuation)
        } else {
            response = .verdict(verdict)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case success
        case next = "continue"
    }

    package func encode(to encoder: any Encoder) throws {
        switch response {
        case .verdict(let verdict):
            try AuthResponseBody(verdict).encode(to: encoder)
        case .goesOn(let continuation):
            var box = encoder.container(keyedBy: CodingKeys.self)
            try box.encode(false, forKey: .success)
            try box.encode(ContinuationBody(continuation: continuation), forKey: .next)
        }
    }
}

private struct ContinuationBody: Codable {
    var continuation: GSSAPIContinuation

    init(continuation: GSSAPIContinuation) { self.continuation = continuation }

    private enum CodingKeys: String, CodingKey {
        case tokenBase64, state
    }

    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        let text = try box.decodeIfPresent(String.self, forKey: .tokenBase64) ?? ""
        let state = try box.decode(String.self, forKey: .state)
        guard let token = Data(base64Encoded: text),
            token.count <= GSSAPIContinuation.maximumToken,
            state.utf8.count <= GSSAPIContinuation.maximumState
        else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a token that is no base64, or a token or state too long"
                )
            )
        }
        continuation = GSSAPIContinuation(token: [UInt8](token), state: state)
    }

    func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        let token = Data(continuation.token).base64EncodedString()
        if !token.isEmpty { try box.encode(token, forKey: .tokenBase64) }
        try box.encode(continuation.state, forKey: .state)
    }
}
