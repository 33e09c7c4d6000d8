/// The body of `POST /keyboard-interactive`: one step of a conversation at login (RFC 4256).
///
/// The head is that of every other question of the auth webhook.
package struct KeyboardRequest: Sendable, Hashable {
    package var head: AuthRequestHead
    package var step: Step

    package enum Step: Sendable, Hashable {
        /// The client asks to be questioned; `devices` is its hint, comma-separated, mostly empty.
        case begin(devices: String)
        /// One answer for each prompt of the round whose `state` comes back here; raw bytes.
        case answers([[UInt8]], state: String)
    }

    package init(head: AuthRequestHead, step: Step) {
        self.head = head
        self.step = step
    }
}

/// What an auth webhook says in a conversation: a verdict, as to every question, or one more
/// round.
package enum KeyboardResponse: Sendable, Hashable {
    case verdict(AuthResponse)
    case round(KeyboardRound)
}

/// Questions for the person, and what the webhook wants to be told with the answers.
package struct KeyboardRound: Sendable, Hashable {
    /// Heads the questions; may be empty.
    package var name: String
    /// May have several lines, and be empty.
    package var instruction: String
    /// Without any the client shows the texts and answers at once, which is how a webhook waits.
    package var prompts: [Prompt]
    /// Opaque to everybody but the webhook.
    package var state: String

    package struct Prompt: Sendable, Hashable, Codable {
        /// Not empty.
        package var prompt: String
        /// Whether what is typed may be seen.
        package var echo: Bool

        package init(_ prompt: String, echo: Bool = false) {
            self.prompt = prompt
            self.echo = echo
        }

        /// `echo` may be missing: then nothing is shown.
        package init(from decoder: any Decoder) throws {
            let box = try decoder.container(keyedBy: CodingKeys.self)
            prompt = try box.decode(String.self, forKey: .prompt)
            echo = try box.decodeIfPresent(Bool.self, forKey: .echo) ?? false
        }
    }

    package init(
        name: String = "",
        instruction: String = "",
        prompts: [Prompt] = [],
        state: String = ""
    ) {
        self.name = name
        self.instruction = instruction
        self.prompts = prompts
        self.state = state
    }

    /// More prompts, longer texts and longer states are refused.
    package static let maximumPrompts = 16
    package static let maximumPrompt = 1024
    package static let maximumInstruction = 16 * 1024
    package static let maximumState = 64 * 1024

    /// Why the round cannot be shown; `nil` for one that can.
    package var fault: String? {
        if prompts.count > Self.maximumPrompts { return "more than \(Self.maximumPrompts) prompts" }
        if prompts.contains(where: { $0.prompt.isEmpty }) { return "an empty prompt" }
        if prompts.contains(where: { $0.prompt.utf8.count > Self.maximumPrompt }) {
            return "a prompt of more than \(Self.maximumPrompt) bytes"
        }
        if name.utf8.count > Self.maximumPrompt { return "a name that is too long" }
        if instruction.utf8.count > Self.maximumInstruction {
            return "an instruction that is too long"
        }
        return state.utf8.count > Self.maximumState ? "a state that is too long" : nil
    }
}
