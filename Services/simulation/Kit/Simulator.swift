package import ConfigdCore
import Logging
package import SharedConfig

/// Takes connections that are not made through the gateway's own layers, as far as the backend,
/// whose place something takes that runs nothing.
package struct Simulator: Sendable {
    /// Who is asked what a person gets.
    package enum Configuration: Sendable {
        /// Whom `configserver` names; where the rules say the same, they explain it.
        case webhook(explainedBy: RuleSet?)
        /// These rules, as configd would answer from them.
        case rules(RuleSet)
    }

    private let config: BerthConfig
    private let configuration: Configuration

    /// `config` is the gateway's.
    package init(_ config: BerthConfig, _ configuration: Configuration) {
        self.config = config
        self.configuration = configuration
    }

    /// Throws what is wrong with files or settings of webhooks; a refusal is a result.
    package func run(_ login: SimulatedLogin) async throws -> SimulationResult {
        let log = SimulationLog()
        let logger = Logger(label: "simulate") { _ in log }
        let connection = try await SimulatedConnection(
            config,
            configuration,
            login: login,
            log: log,
            logger: logger
        )
        return await connection.run()
    }
}
