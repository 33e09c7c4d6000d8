import ConfigClient
import ConfigdCore
import GatewayCore
import Logging
import Metrics
import MetricsClient
import NIOCore
import NIOPosix
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH

/// One connection on its way through the gateway's layers.
struct SimulatedConnection {
    private let login: SimulatedLogin
    private let log: SimulationLog
    private let limiter: ConnectionLimiter
    private let settings: AuthenticationSettings
    private let configuration: WatchedConfiguration
    private let webhook: WatchedWebhook
    private let factory: ConnectionFactory
    private let backend = SimulatedBackend()
    private let control = SimulatedControl()
    private let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

    init(
        _ config: BerthConfig,
        _ configuration: Simulator.Configuration,
        login: SimulatedLogin,
        log: SimulationLog,
        logger: Logger
    ) async throws {
        self.login = login
        self.log = log
        let metrics = GatewayMetrics(factory: NOOPMetricsHandler.instance)
        limiter = ConnectionLimiter(
            config.limits,
            maximumConnections: config.ssh.maxConnections,
            metrics: metrics,
            logger: logger
        )
        settings = AuthenticationSettings(
            userKeyAlgorithms: config.auth.acceptedKeyAlgorithms,
            minimumRSABits: config.auth.publicKey.minimumRSABits
        )
        webhook = WatchedWebhook(
            configuration,
            client: try ConfigWebhookClient(config.configServer, metrics, logger),
            config.configServer,
            at: login.date
        )
        self.configuration = WatchedConfiguration(
            WebhookUserConfiguration(base: config, webhook: webhook, logger: logger)
        )
        let unknown = GatewayMetrics.unknownCountry
        factory = ConnectionFactory(
            authenticators: try await Self.authenticators(config, login, metrics, logger),
            configuration: self.configuration,
            backends: backend,
            recorder: nil,
            audit: config.audit,
            limiter: limiter,
            uses: LocalUses(capacity: config.limits.tracked),
            metrics: metrics,
            countries: Countries(
                everywhere: login.country.isEmpty ? unknown : login.country,
                logger: logger
            ),
            showsCommands: false,
            sessions: SessionRegistry(logger: logger),
            logger: logger
        )
    }

    private static func authenticators(
        _ config: BerthConfig,
        _ login: SimulatedLogin,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) async throws -> Authenticators {
        if case .assumed(let identity) = login.credential {
            return Authenticators(password: AssumingAuthenticator(identity: identity))
        }
        return try await Authenticators(
            config.auth,
            cache: OutageCache(),
            metrics: metrics,
            logger: logger
        ) { _ in UnaskedConversation() }
    }

    /// From the door to the last request.
    func run() async -> SimulationResult {
        var result = SimulationResult()
        let client = RemoteClient(host: login.address, port: 0)
        switch limiter.admit(client) {
        case .refused(let refusal): result.outcome = .refused(.admission, text: refusal.text)
        case .dropped: result.outcome = .refused(.admission, text: "")
        case .admitted(let release):
            await serve(client, &result)
            release()
        }
        if result.codes.isEmpty { note(log, &result) }
        return result
    }

    private func note(_ log: SimulationLog, _ result: inout SimulationResult) {
        result.codes = log.codes
        result.reasons += log.reasons
    }

    private func serve(_ client: RemoteClient, _ result: inout SimulationResult) async {
        let handler = factory.handler(for: client, control: control, on: eventLoop)
        await handler.handshakeCompleted(.simulated)
        result.outcome = await authenticate(handler)
        if result.outcome == .accepted {
            do {
                try await handler.authenticated(as: login.username)
            } catch {
                let text = (error as? ServerRefusal)?.text ?? "\(error)"
                result.outcome = .refused(.configuration, text: text)
            }
            note(&result)
        }
        if result.outcome == .accepted { result.answers = await answers(handler) }
        if result.outcome == .accepted, let workspace = try? await backend.workspace() {
            result.identity = workspace.authenticatedUsername
            result.carried = workspace.carried
        }
        // What the end itself has to say is nobody's question.
        note(log, &result)
        await handler.disconnected(.byClient(nil, text: ""))
    }

    private func note(_ result: inout SimulationResult) {
        let seen = configuration.seen
        result.config = seen.answer?.config
        result.vetoes = seen.vetoes
        result.reply = webhook.seen.reply?.config
        result.decision = webhook.seen.decision
        if let reason = seen.reason { result.reasons.append(reason) }
    }

    private func authenticate(
        _ handler: any ServerConnectionHandler
    ) async -> SimulationResult.Outcome {
        let method: AuthenticationAttempt.Method =
            switch login.credential {
            case .key(let blob): settings.attempt(with: blob)
            case .password(let bytes): .password(bytes)
            case .assumed: .password([])
            }
        let attempt = AuthenticationAttempt(username: login.username, method: method)
        switch await handler.authenticate(attempt) {
        case .accepted: return .accepted
        case .partial(let methods): return .partial(methods: methods)
        case .refused(_, let text, _): return .refused(.authentication, text: text ?? "")
        case .disconnect(let refusal): return .refused(.authentication, text: refusal.text)
        case .challenge: return .partial(methods: [AuthMethod.keyboardInteractive.rawValue])
        // Only Kerberos is answered so, which is not simulated.
        case .token: return .partial(methods: [AuthMethod.gssapi.rawValue])
        }
    }
}

// MARK: - Requests

extension SimulatedConnection {
    private func answers(
        _ handler: any ServerConnectionHandler
    ) async -> [SimulationResult.Answer] {
        var answers: [SimulationResult.Answer] = []
        var settings: [SessionRequest] = []
        for (index, request) in login.requests.enumerated() {
            let id = UInt64(index)
            switch request.kind {
            case .setting(let setting):
                settings.append(setting)
                answers.append(await answer(request, [setting], handler, id))
            case .program(let program):
                answers.append(await answer(request, settings + [program], handler, id))
            case .forward(let target):
                let channel = SimulatedChannel(id: id, eventLoop: eventLoop)
                let before = log.count
                if case .accepted(let forward) = await handler.openForward(channel, to: target) {
                    await forward.closed()
                    answers.append(allowed(request))
                } else {
                    answers.append(refused(request, before))
                }
            case .listen(let address):
                let before = log.count
                if case .listening(let port) = await handler.listen(address) {
                    _ = await handler.cancelListen(address.simulated(port))
                    answers.append(allowed(request))
                } else {
                    answers.append(refused(request, before))
                }
            }
        }
        return answers
    }

    /// Makes the requests in a session of their own; the last one counts.
    private func answer(
        _ request: SimulatedRequest,
        _ requests: [SessionRequest],
        _ handler: any ServerConnectionHandler,
        _ id: UInt64
    ) async -> SimulationResult.Answer {
        let channel = SimulatedChannel(id: id, eventLoop: eventLoop)
        var before = log.count
        guard case .accepted(let session) = await handler.openSession(channel) else {
            return refused(request, before)
        }
        _ = backend.takeStarted()
        var isAllowed = false
        for request in requests {
            before = log.count
            isAllowed = await session.handle(request)
        }
        let answer = isAllowed ? allowed(request) : refused(request, before)
        await session.closed()
        return answer
    }

    private func allowed(_ request: SimulatedRequest) -> SimulationResult.Answer {
        .init(
            request: request.description,
            isAllowed: true,
            runs: backend.takeStarted().last?.simulatedText,
            code: nil
        )
    }

    private func refused(
        _ request: SimulatedRequest,
        _ before: Int
    ) -> SimulationResult.Answer {
        let code = log.refusal(after: before)
        return .init(request: request.description, isAllowed: false, runs: nil, code: code)
    }
}

extension HandshakeFacts {
    fileprivate static let simulated = HandshakeFacts(
        clientVersion: "SSH-2.0-simulated",
        keyExchange: "curve25519-sha256",
        hostKeyAlgorithm: "ssh-ed25519",
        inboundCipher: "aes128-gcm@openssh.com",
        outboundCipher: "aes128-gcm@openssh.com"
    )
}

extension ForwardAddress {
    /// With the port that was bound.
    fileprivate func simulated(_ port: UInt32?) -> ForwardAddress {
        guard case .tcp(let host, 0) = self, let port else { return self }
        return .tcp(host: host, port: port)
    }
}

extension ProgramRequest.Kind {
    fileprivate var simulatedText: String {
        switch self {
        case .shell: "shell"
        case .exec(let line): "exec \(line)"
        case .subsystem(let name): "subsystem \(name)"
        }
    }
}

/// Stands for a login at an OAuth2 provider, which takes a person and is not simulated.
private struct UnaskedConversation: KeyboardInteractiveSource {
    func converse(_ request: KeyboardRequest, country: String) async throws -> KeyboardResponse {
        .verdict(AuthResponse(success: false))
    }
}
