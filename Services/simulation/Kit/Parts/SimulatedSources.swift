import ConfigClient
import ConfigdCore
import Foundation
import GatewayCore
import Logging
import SharedConfig
import SharedMessages
import SharedModels
import Synchronization

/// A config webhook that remembers what it said.
final class WatchedWebhook: ConfigWebhook {
    struct Seen {
        var reply: ConfigResponse?
        var decision: RuleDecision?
    }

    private let source: Simulator.Configuration
    private let client: (any ConfigWebhook)?
    private let config: ConfigServerConfig
    private let date: Date
    private let state = Mutex(Seen())

    /// `client` is asked where `source` has no answer of its own.
    init(
        _ source: Simulator.Configuration,
        client: (any ConfigWebhook)?,
        _ config: ConfigServerConfig,
        at date: Date
    ) {
        self.source = source
        self.client = client
        self.config = config
        self.date = date
    }

    var seen: Seen { state.withLock { $0 } }

    func ask(_ request: ConfigRequest, logger: Logger?) async throws -> ConfigResponse {
        switch source {
        case .rules(let rules):
            do {
                return try note(try decide(request, rules))
            } catch {
                throw CodedError(.configBackendError, cause: error)
            }
        case .webhook(let rules):
            guard let client else { return ConfigResponse() }
            let reply = try await client.ask(request, logger: logger)
            // Rules that would say something else are not those that were asked.
            let decision = rules.flatMap { try? decide(request, $0) }
            let isSame = try decision.map { try response($0) == reply } ?? false
            state.withLock { $0 = Seen(reply: reply, decision: isSame ? decision : nil) }
            return reply
        }
    }

    private func note(_ decision: RuleDecision) throws -> ConfigResponse {
        let reply = try response(decision)
        state.withLock { $0 = Seen(reply: reply, decision: decision) }
        return reply
    }

    /// As configd decides on what it is sent.
    private func decide(_ request: ConfigRequest, _ rules: RuleSet) throws -> RuleDecision {
        try rules.decide(try ConfigRequest(request.sent(to: config).tree), at: date)
    }

    /// As it comes over the wire.
    private func response(_ decision: RuleDecision) throws -> ConfigResponse {
        try ConfigResponse(decision.response.tree, emptyValues: config.emptyValues)
    }
}

/// Remembers what a source of configurations answers.
final class WatchedConfiguration: UserConfigurationSource {
    struct Seen {
        var answer: UserConfigurationAnswer?
        var vetoes: [ConfigProblem] = []
        var reason: String?
    }

    private let source: any UserConfigurationSource
    private let state = Mutex(Seen())

    init(_ source: any UserConfigurationSource) { self.source = source }

    var seen: Seen { state.withLock { $0 } }

    func configuration(
        for head: AuthRequestHead,
        authenticatedUsername: String,
        country: String
    ) async throws -> UserConfigurationAnswer {
        do {
            let answer = try await source.configuration(
                for: head,
                authenticatedUsername: authenticatedUsername,
                country: country
            )
            state.withLock { $0.answer = answer }
            return answer
        } catch {
            let problems = (error as? CodedError)?.cause as? ConfigProblems
            state.withLock {
                $0.vetoes = problems?.list ?? []
                $0.reason = problems == nil ? "\(error)" : nil
            }
            throw error
        }
    }
}

/// Says yes to whoever comes, as who they are assumed to be.
struct AssumingAuthenticator: Authenticator {
    let identity: AssumedIdentity

    func decide(_ request: AuthRequest, country: String) async throws -> AuthResponse {
        AuthResponse(
            success: true,
            authenticatedUsername: identity.name.isEmpty ? request.head.username : identity.name,
            carried: identity.carried,
            restrictions: identity.restrictions
        )
    }
}
