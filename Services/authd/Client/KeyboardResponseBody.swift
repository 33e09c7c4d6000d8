package import SharedModels

/// The body of an answer in a conversation: that of every other question, or `challenge`.
///
/// A body with both a success and a challenge is a success.
package struct KeyboardResponseBody: Codable, Sendable {
    package var response: KeyboardResponse

    package init(_ response: KeyboardResponse) { self.response = response }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: AnyKey.self)
        let verdict = try AuthResponseBody(from: decoder).response
        if !verdict.success, let challenge = try box.value(ChallengeBody.self, "challenge") {
            response = .round(challenge.round)
        } else {
            response = .verdict(verdict)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case success, challenge
    }

    package func encode(to encoder: any Encoder) throws {
        switch response {
        case .verdict(let verdict):
            try AuthResponseBody(verdict).encode(to: encoder)
        case .round(let round):
            var box = encoder.container(keyedBy: CodingKeys.self)
            try box.encode(false, forKey: .success)
            try box.encode(ChallengeBody(round: round), forKey: .challenge)
        }
    }
}

struct ChallengeBody: Codable {
    var round: KeyboardRound

    init(round: KeyboardRound) { self.round = round }

    private enum CodingKeys: String, CodingKey {
        case name, instruction, prompts, state
    }

    init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        round = KeyboardRound(
            name: try box.decodeIfPresent(String.self, forKey: .name) ?? "",
            instruction: try box.decodeIfPresent(String.self, forKey: .instruction) ?? "",
            prompts: try box.decodeIfPresent([KeyboardRound.Prompt].self, forKey: .prompts) ?? [],
            state: try box.decodeIfPresent(String.self, forKey: .state) ?? ""
        )
        if let fault = round.fault {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: fault)
            )
        }
    }

    func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(round.name, forKey: .name)
        try box.encode(round.instruction, forKey: .instruction)
        try box.encode(round.prompts, forKey: .prompts)
        try box.encode(round.state, forKey: .state)
    }
}
