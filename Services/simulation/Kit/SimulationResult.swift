package import ConfigdCore
package import SharedConfig
package import SharedModels

/// What would become of a connection.
package struct SimulationResult: Sendable {
    package enum Outcome: Sendable, Hashable {
        /// In, with a workspace.
        case accepted
        /// In, once these methods have succeeded too.
        case partial(methods: [String])
        case refused(Stage, text: String)
    }

    /// Where a connection ends.
    package enum Stage: String, Sendable {
        /// Before a word was said: networks, rates, penalties.
        case admission
        case authentication
        /// The configuration, the floor, or the limits of the person.
        case configuration
    }

    /// What becomes of one request.
    package struct Answer: Sendable, Hashable {
        package let request: String
        package let isAllowed: Bool
        /// What runs in the end, of a program that is allowed.
        package let runs: String?
        /// The code under which it is refused.
        package let code: String?
    }

    package internal(set) var outcome = Outcome.refused(.admission, text: "")
    /// The verified identity, as the backend is told it.
    package internal(set) var identity = ""
    /// What webhooks attached to the connection.
    package internal(set) var carried = ConnectionMetadata()
    /// What the person gets; `nil` where it came to nothing.
    package internal(set) var config: UserConfig?
    /// What the config webhook said; `nil` where it was not asked or did not answer.
    package internal(set) var reply: ConfigTree?
    /// The rules behind it; `nil` where they are not known.
    package internal(set) var decision: RuleDecision?
    /// What of the reply breaks a rule or crosses the floor.
    package internal(set) var vetoes: [ConfigProblem] = []
    package internal(set) var answers: [Answer] = []
    /// The message codes that the log would show, each once, in order.
    package internal(set) var codes: [String] = []
    /// The reasons of refusals in the operator's words.
    package internal(set) var reasons: [String] = []
}
