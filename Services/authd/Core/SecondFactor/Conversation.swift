import AuthClient
import AuthOAuth2
import Foundation
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedModels

/// Leads the conversations of `/keyboard-interactive`: the password, or a login at an OAuth2
/// provider in its place, then the app's code for users who have one set up.
///
/// Whoever has proved a key or password in an earlier step of the login is asked for the code
/// alone, unless there is a provider. What is known between two rounds travels through the gateway, sealed, so any authd with
/// the same database can go on, and a step that is asked again is answered as before.
package struct Conversation: Sendable {
    private let passwords: PasswordSources
    private let store: UserStore
    private let config: AuthdTOTPConfig
    private let provider: ProviderLogin?
    private let seal: ConversationSeal
    private let logger: Logger

    package init(
        _ passwords: PasswordSources,
        config: AuthdTOTPConfig,
        provider: ProviderLogin? = nil,
        logger: Logger
    ) async throws {
        self.passwords = passwords
        self.provider = provider
        store = passwords.store
        self.config = config
        self.logger = logger
        seal = ConversationSeal(key: try await store.sealingKey(), purpose: "conversation")
    }

    /// Throws a `CodedError` when it cannot decide, as `PasswordSources` and `OAuth2Login` do.
    package func answer(_ request: KeyboardRequest) async throws -> KeyboardResponse {
        switch request.step {
        case .begin:
            if let provider { return try await ask(provider, request) }
            return try await begin(request.head)
        case .answers(let answers, let text):
            let state = seal.open(text, as: ConversationState.self)
            if state == nil, let provider { return try await ask(provider, request) }
            guard let state, state.isOf(request.head, at: now) else {
                return refused(request.head, .init(reason: "unknown or old state"))
            }
            let answer = answers.count == 1 ? answers[0] : []
            switch state.stage {
            case .password: return try await password(answer, state, request.head)
            case .code: return try await code(answer, state, request.head)
            }
        }
    }

    /// The provider leads until it is known who it is.
    private func ask(
        _ provider: ProviderLogin,
        _ request: KeyboardRequest
    ) async throws -> KeyboardResponse {
        let head = request.head
        switch try await provider.answer(request) {
        case .round(let round): return .round(round)
        case .refused(let refusal): return refused(head, refusal)
        case .proven(let person):
            guard person.hasSecondFactor else { return accepted(person, head) }
            return try round(.code, head, person)
        }
    }

    private func begin(_ head: AuthRequestHead) async throws -> KeyboardResponse {
        // Earlier steps can only have been answered by the gateway's own webhooks.
        if let account = try await store.account(named: head.username), account.hasSecondFactor,
            head.carried.provesFactor(of: account)
        {
            return try round(.code, head, Person(account))
        }
        return try round(.password, head, nil)
    }

    private func password(
        _ password: [UInt8],
        _ state: ConversationState,
        _ head: AuthRequestHead
    ) async throws -> KeyboardResponse {
        switch try await passwords.check(password, head) {
        case .refused(let refusal): return refused(head, refusal)
        case .right(let person):
            guard person.hasSecondFactor else { return accepted(person, head) }
            return try round(.code, head, person, state.use)
        }
    }

    private func code(
        _ answer: [UInt8],
        _ state: ConversationState,
        _ head: AuthRequestHead
    ) async throws -> KeyboardResponse {
        guard let name = state.person, let account = try await store.account(named: name),
            account.closed == nil, account.hasSecondFactor
        else { return refused(head, .init(reason: "no second factor, or user is disabled")) }
        let person = Person(account, said: state.said ?? .init())
        let text = String(decoding: answer, as: UTF8.self).filter { !$0.isWhitespace }
        let outcome = try await store.consume(
            text,
            of: account.id,
            use: state.use,
            at: now,
            skew: config.skew
        )
        switch outcome {
        case .right: return accepted(person, head)
        case .recovered:
            logger.emit(.authdRecoveryCodeUsed, labels(head))
            return accepted(person, head)
        case .replayed:
            logger.emit(.authdCodeReplayed, labels(head))
            return refused(head, .init(reason: "code was used before"))
        case .wrong: return refused(head, .init(reason: "wrong code"))
        }
    }

    private func round(
        _ stage: ConversationState.Stage,
        _ head: AuthRequestHead,
        _ person: Person?,
        _ use: String = UUID().uuidString
    ) throws -> KeyboardResponse {
        let prompt =
            switch stage {
            case .password: KeyboardRound.Prompt("Password: ")
            case .code: KeyboardRound.Prompt("Code of your app: ")
            }
        var state = ConversationState(
            stage: stage,
            username: head.username,
            connection: head.connectionID,
            until: now + ConversationState.lifetime,
            use: use,
            person: person?.name,
            said: person?.said
        )
        var sealed = try seal.close(state)
        if sealed.utf8.count > KeyboardRound.maximumState {
            // Tickets that are too long for the way are left out, as those that could not be had.
            state.said?.files = [:]
            sealed = try seal.close(state)
        }
        return .round(KeyboardRound(prompts: [prompt], state: sealed))
    }

    private func accepted(_ person: Person, _ head: AuthRequestHead) -> KeyboardResponse {
        var labels = labels(head)
        labels[LogLabel.authenticatedUsername] = .string(person.name)
        logger.emit(.authdAccepted, labels)
        return .verdict(
            AuthResponse(
                success: true,
                authenticatedUsername: person.name,
                carried: passwords.carried(by: person, head)
            )
        )
    }

    private func refused(
        _ head: AuthRequestHead,
        _ refusal: PasswordSources.Refusal
    ) -> KeyboardResponse {
        var labels = labels(head)
        labels[LogLabel.reason] = .string(refusal.reason)
        logger.emit(.authdRefused, labels)
        return .verdict(refusal.response)
    }

    private var now: Int { Int(Date.now.timeIntervalSince1970) }

    private func labels(_ head: AuthRequestHead) -> Logger.Metadata {
        [
            LogLabel.connectionId: .string(head.connectionID),
            LogLabel.username: .string(head.username), "method": "conversation",
        ]
    }
}

/// What is known between two rounds.
struct ConversationState: Codable, Sendable, Hashable {
    enum Stage: String, Codable, Sendable {
        case password
        case code
    }

    /// Seconds that a person has for one answer.
    static let lifetime = 300

    var stage: Stage
    var username: String
    var connection: String
    /// Seconds since 1970.
    var until: Int
    /// Names the conversation, so that its last step may be asked again.
    var use: String
    /// Who it is, before the code.
    var person: String?
    /// What other sources than the store have said about them.
    var said: Person.Said?

    func isOf(_ head: AuthRequestHead, at now: Int) -> Bool {
        username == head.username && connection == head.connectionID && now < until
    }
}

extension ConnectionMetadata {
    private static let factorKey = "authdFactor"

    /// Notes that a step of this login has succeeded, for users whose second factor follows.
    mutating func markFactor(_ question: AuthQuestion, of account: Account) {
        switch question {
        case .password, .publicKey, .certificate: markFactor(of: account)
        case .authorization: break
        }
    }

    mutating func markFactor(of account: Account) {
        guard account.hasSecondFactor else { return }
        metadata[Self.factorKey] = MetadataValue(account.name, sensitive: true)
    }

    func provesFactor(of account: Account) -> Bool {
        metadata[Self.factorKey]?.value == account.name
    }
}
