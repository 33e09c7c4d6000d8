import Foundation
package import SharedModels

extension KeyboardRequest {
    /// Where the conversation takes place.
    package static let path = "/keyboard-interactive"

    /// The body of the request: the keys of every question's head, then those of the step.
    package var json: [UInt8] {
        var text = JSONObjectText()
        text.add(head)
        switch step {
        case .begin(let devices):
            if !devices.isEmpty { text.add("devices", devices) }
        case .answers(let answers, let state):
            text.add("state", state)
            text.add("answersBase64", answers.map { Data($0).base64EncodedString() })
        }
        return Array((text.closed + "\n").utf8)
    }
}

/// The body of a step as a server of the contract reads it; unknown keys are ignored.
package struct KeyboardRequestBody: Decodable, Sendable {
    package var request: KeyboardRequest

    private enum CodingKeys: String, CodingKey {
        case devices, state, answersBase64
    }

    /// Throws a `DecodingError` for answers that are no padded base64.
    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        let head = try AuthRequestHead(from: decoder)
        guard let texts = try box.decodeIfPresent([String].self, forKey: .answersBase64) else {
            let devices = try box.decodeIfPresent(String.self, forKey: .devices) ?? ""
            request = KeyboardRequest(head: head, step: .begin(devices: devices))
            return
        }
        let answers = try texts.map { text in
            guard let bytes = Data(base64Encoded: text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .answersBase64,
                    in: box,
                    debugDescription: "no base64"
                )
            }
            return [UInt8](bytes)
        }
        let state = try box.decodeIfPresent(String.self, forKey: .state) ?? ""
        request = KeyboardRequest(head: head, step: .answers(answers, state: state))
    }
}
