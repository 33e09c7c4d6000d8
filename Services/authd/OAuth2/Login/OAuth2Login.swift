package import Crypto
import Foundation
package import Logging
package import SharedConfig
import SharedLogging
package import SharedMessages
package import SharedModels

/// Leads logins through an OAuth2 or OpenID Connect provider as a conversation of rounds.
///
/// Device flow (RFC 8628): the person is shown an address and a code; rounds without prompts, which
/// clients answer at once, go on until the provider knows more. Authorization code (RFC 6749 §4.1,
/// with RFC 7636): the person pastes what the redirect page shows. What is known between two rounds
/// travels sealed and belongs to one connection; what takes longer than a round goes on meanwhile.
package final class OAuth2Login: Sendable {
    /// What a step leads to.
    package enum Answer: Sendable, Hashable {
        case round(KeyboardRound)
        case proven(OAuth2Identity)
        /// With a text that the person may see.
        case refused(String)
    }

    private enum Preparation: Sendable, Hashable {
        case device(DeviceGrant)
        case paste(CodeRequest, url: String)
    }

    private let provider: any OAuth2Provider
    private let authTimeout: Duration
    private let longestRound: Duration
    private let deviceFlowClients: ClientPatterns
    private let qrCodeClients: ClientPatterns
    private let seal: ConversationSeal
    private let logger: Logger
    private let preparations = Ongoing<Preparation>()
    private let identities = Ongoing<OAuth2Identity>()

    /// Reads the certificate files that `config` names, so it blocks; call it at start-up.
    ///
    /// A step is answered within `longestRound` and a little. Without a `key` that others have too,
    /// a login can go on in this object only. Throws a `CodedError`
    /// (`HTTP_CLIENT_…`) for a provider that cannot be called.
    package convenience init(
        _ config: OAuth2Config,
        key: SymmetricKey? = nil,
        longestRound: Duration,
        logger: Logger
    ) throws(CodedError) {
        let provider: any OAuth2Provider =
            switch config.provider {
            case .github: try GitHubProvider(config, logger: logger)
            case .oidc: try OIDCProvider(config, logger: logger)
            case .generic, .none: try GenericProvider(config, logger: logger)
            }
        let key = key ?? SymmetricKey(size: .bits256)
        self.init(config, provider, key: key, longestRound: longestRound, logger: logger)
    }

    init(
        _ config: OAuth2Config,
        _ provider: any OAuth2Provider,
        key: SymmetricKey,
        longestRound: Duration,
        logger: Logger
    ) {
        self.provider = provider
        self.longestRound = longestRound
        self.logger = logger
        authTimeout = config.authTimeout
        deviceFlowClients = ClientPatterns(config.deviceFlowClients, fallback: [""])
        qrCodeClients = ClientPatterns(config.qrCodeClients, fallback: ["^SSH-2\\.0-OpenSSH"])
        seal = ConversationSeal(key: key, purpose: "oauth2")
    }

    /// Takes one step. Throws a `CodedError` when the provider cannot be asked.
    package func answer(_ request: KeyboardRequest) async throws -> Answer {
        do {
            switch request.step {
            case .begin:
                return try await prepare(begun(request.head), request.head)
            case .answers(let answers, let text):
                guard let state = seal.open(text, as: OAuth2State.self),
                    state.username == request.head.username,
                    state.connection == request.head.connectionID
                else { throw OAuth2Refusal(.authOAuthStateMismatch, "unknown state") }
                guard now < state.until else { throw OAuth2Refusal(.authOAuth2Timeout) }
                return try await goOn(state, answers, request.head)
            }
        } catch let refusal as OAuth2Refusal {
            var labels = labels(request.head)
            if !refusal.reason.isEmpty { labels[LogLabel.reason] = .string(refusal.reason) }
            logger.emit(refusal.code, labels)
            return .refused(refusal.code.personText ?? "")
        }
    }

    private func begun(_ head: AuthRequestHead) -> OAuth2State {
        OAuth2State(
            stage: .preparing(asksDevice: deviceFlowClients.match(head.clientVersion)),
            username: head.username,
            connection: head.connectionID,
            until: now + Int(authTimeout.components.seconds),
            use: ProofKey.random(),
            showsQRCode: qrCodeClients.match(head.clientVersion)
        )
    }

    private func goOn(
        _ state: OAuth2State,
        _ answers: [[UInt8]],
        _ head: AuthRequestHead
    ) async throws -> Answer {
        switch state.stage {
        case .preparing: return try await prepare(state, head)
        case .device(let grant): return try await wait(grant, state, head)
        case .paste(let request):
            let pasted = String(decoding: answers.first ?? [], as: UTF8.self)
            let code = try Self.code(in: pasted, request)
            var state = state
            state.stage = .redeeming(code, request)
            return try await redeem(code, request, state, head)
        case .redeeming(let code, let request):
            return try await redeem(code, request, state, head)
        }
    }

    // MARK: - Beginning

    private func prepare(
        _ state: OAuth2State,
        _ head: AuthRequestHead
    ) async throws -> Answer {
        guard case .preparing(let asksDevice) = state.stage else { return try round(state) }
        let labels = labels(head)
        let preparation = try await preparations.value(
            of: state.use,
            within: longestRound
        ) { [provider, logger] _ in
            try await Self.preparation(provider, asksDevice, state.use, logger, labels)
        }
        var state = state
        switch preparation {
        case nil: return try round(state)
        case .device(let grant):
            state.stage = .device(grant)
            state.until = min(state.until, grant.until)
            return try round(
                state,
                LoginTexts.device(grant, withQRCode: state.showsQRCode)
            )
        case .paste(let request, let url):
            state.stage = .paste(request)
            return try round(
                state,
                LoginTexts.paste(url, withQRCode: state.showsQRCode),
                [LoginTexts.prompt]
            )
        }
    }

    /// The device flow comes first; where it cannot be had, the code is asked for.
    private static func preparation(
        _ provider: any OAuth2Provider,
        _ asksDevice: Bool,
        _ use: String,
        _ logger: Logger,
        _ labels: Logger.Metadata
    ) async throws -> Preparation {
        let offersCode = provider.offersCode
        if provider.offersDevice, asksDevice || !offersCode {
            do {
                return .device(try await provider.beginDevice())
            } catch let error as CodedError where offersCode {
                logger.emit(error, labels)
            }
        }
        guard offersCode else { throw CodedError(.authOAuth2DeviceCodeFailed) }
        let request = CodeRequest(state: use)
        return .paste(request, url: try await provider.authorizationURL(request))
    }

    // MARK: - The device flow

    private func wait(
        _ grant: DeviceGrant,
        _ state: OAuth2State,
        _ head: AuthRequestHead
    ) async throws -> Answer {
        let labels = labels(head)
        let identity = try await identities.value(
            of: state.use,
            within: longestRound
        ) { [provider, logger] isWanted in
            let waiting = DeviceWaiting(provider: provider, logger: logger, labels: labels)
            let token = try await waiting.token(grant, until: state.until, isWanted)
            return try await provider.identity(token, nonce: nil, username: head.username)
        }
        guard let identity else { return try round(state) }
        return proven(identity, head)
    }

    // MARK: - The code

    /// The code in what was pasted, which is `state|code`.
    private static func code(
        in pasted: String,
        _ request: CodeRequest
    ) throws(OAuth2Refusal) -> String {
        let text = pasted.filter { !$0.isWhitespace }
        guard let bar = text.firstIndex(of: "|") else {
            throw OAuth2Refusal(.authOAuthStateMismatch, "no code of the page")
        }
        guard ProofKey.areEqual(String(text[..<bar]), request.state) else {
            throw OAuth2Refusal(.authOAuthStateMismatch, "code of another login")
        }
        let code = String(text[text.index(after: bar)...])
        guard !code.isEmpty, code.utf8.count <= 4096, code.isPrintable else {
            throw OAuth2Refusal(.authOAuthStateMismatch, "no code of the page")
        }
        return code
    }

    private func redeem(
        _ code: String,
        _ request: CodeRequest,
        _ state: OAuth2State,
        _ head: AuthRequestHead
    ) async throws -> Answer {
        let identity = try await identities.value(
            of: state.use,
            within: longestRound
        ) { [provider] _ in
            let token = try await provider.redeem(code, verifier: request.verifier)
            return try await provider.identity(
                token,
                nonce: request.nonce,
                username: head.username
            )
        }
        guard let identity else { return try round(state) }
        return proven(identity, head)
    }

    // MARK: - Answers

    private func proven(_ identity: OAuth2Identity, _ head: AuthRequestHead) -> Answer {
        var labels = labels(head)
        labels[LogLabel.authenticatedUsername] = .string(identity.name)
        logger.emit(.authOAuth2Accepted, labels)
        return .proven(identity)
    }

    private func round(
        _ state: OAuth2State,
        _ instruction: String = "",
        _ prompts: [KeyboardRound.Prompt] = []
    ) throws -> Answer {
        .round(
            KeyboardRound(
                instruction: instruction,
                prompts: prompts,
                state: try seal.close(state)
            )
        )
    }

    private var now: Int { Int(Date.now.timeIntervalSince1970) }

    private func labels(_ head: AuthRequestHead) -> Logger.Metadata {
        [
            LogLabel.connectionId: .string(head.connectionID),
            LogLabel.username: .string(head.username), "method": "oauth2",
        ]
    }
}
