import AuthClient
import AuthdCore
import ConfigClient
import ConfigdCore
import Foundation
import GatewayCore
import Logging
import Metrics
import MetricsClient
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Testing

@testable import SimulationKit

/// Random logins, decided twice: by a simulation with the rules at hand, and over the wire by
/// authd, configd and the gateway's policy.
@Suite("Simulations and live decisions", .timeLimit(.minutes(10)))
struct EqualityTests {
    private static let rounds = 10
    private static let loginsOfRound = 100
    /// Few, so that other tests get their share of the machine.
    private static let loginsAtOnce = 8

    @Test("a simulation says what authd, configd and the policy say", arguments: [1, 4_711])
    func equality(seed: UInt64) async throws {
        var random = SeededGenerator(state: seed)
        let world = World(&random)
        try await world.serve { servers in
            let config = try world.config(servers.url)
            let live = try LiveDecision(config)
            var kinds: Set<String> = []
            for round in 0..<Self.rounds {
                let rules = try servers.use(world.rules(&random))
                let logins = (0..<Self.loginsOfRound).map { _ in world.login(&random) }
                let simulator = Simulator(config, .rules(rules))
                let pairs = try await withThrowingTaskGroup(of: (Verdict, Verdict).self) { group in
                    var pairs: [(Verdict, Verdict)] = []
                    for (index, login) in logins.enumerated() {
                        if index >= Self.loginsAtOnce, let pair = try await group.next() {
                            pairs.append(pair)
                        }
                        group.addTask {
                            let simulated = Verdict(try await simulator.run(login))
                            return (simulated, try await live.verdict(login))
                        }
                    }
                    return try await group.reduce(into: pairs) { $0.append($1) }
                }
                for (simulated, decided) in pairs {
                    let isSame = simulated == decided
                    #expect(isSame, "round \(round): \(simulated.text) is not \(decided.text)")
                    kinds.insert(decided.kind)
                }
            }
            // Otherwise the worlds are too dull to show anything.
            #expect(
                kinds.isSuperset(of: [
                    "refused", "unconfigured", "all requests", "no request", "some requests",
                ])
            )
        }
    }
}

/// What can be compared.
struct Verdict: Equatable, Sendable {
    enum Stage: Equatable { case refused, unconfigured, accepted }

    var stage: Stage
    var identity = ""
    var carried = ConnectionMetadata()
    var config: UserConfig?
    var allowed: [Bool] = []
    var runs: [String] = []

    var kind: String {
        switch stage {
        case .refused: "refused"
        case .unconfigured: "unconfigured"
        case .accepted:
            allowed.allSatisfy(\.self)
                ? "all requests" : allowed.contains(true) ? "some requests" : "no request"
        }
    }
}

extension Verdict {
    var text: String {
        let settings = config?.settings.map { "\($0.path)=\($0.value.json)" } ?? []
        let metadata = carried.metadata.map { "\($0)=\($1.value)" }.sorted()
        return "\(stage) as \"\(identity)\" \(allowed) \(runs) \(metadata) \(settings)"
    }

    init(_ result: SimulationResult) {
        switch result.outcome {
        case .refused(.configuration, _): self.init(stage: .unconfigured)
        case .refused, .partial: self.init(stage: .refused)
        case .accepted:
            self.init(
                stage: .accepted,
                identity: result.identity,
                carried: result.carried,
                config: result.config,
                allowed: result.answers.map(\.isAllowed),
                runs: result.answers.compactMap(\.runs)
            )
        }
    }
}

/// The decisions of a gateway, made one by one with what it asks.
struct LiveDecision: Sendable {
    private let config: BerthConfig
    private let keys: AuthWebhookClient
    private let names: AuthWebhookClient
    private let source: WebhookUserConfiguration

    init(_ config: BerthConfig) throws {
        self.config = config
        let metrics = GatewayMetrics(factory: NOOPMetricsHandler.instance)
        let logger = Logger(label: "live") { _ in SwiftLogNoOpLogHandler() }
        keys = try AuthWebhookClient(
            config.auth.publicKey.webhook,
            metrics: metrics,
            logger: logger
        )
        names = try AuthWebhookClient(
            config.auth.authorization.webhook,
            metrics: metrics,
            logger: logger
        )
        source = try WebhookUserConfiguration(config, metrics: metrics, logger: logger)
    }

    func verdict(_ login: SimulatedLogin) async throws -> Verdict {
        guard case .key(let blob) = login.credential else { return Verdict(stage: .refused) }
        let line = "ssh-ed25519 " + Data(blob).base64EncodedString()
        var head = AuthRequestHead(
            remoteAddress: "\(login.address):0",
            connectionID: "0123456789abcdef0123456789abcdef",
            clientVersion: "SSH-2.0-simulated",
            username: login.username
        )
        let proof = try await keys.decide(AuthRequest(head: head, question: .publicKey(line)))
        guard proof.success else { return Verdict(stage: .refused) }
        head.carried.merge(proof.carried)
        let identity = proof.authenticatedUsername ?? ""
        let question = AuthQuestion.authorization(authenticatedUsername: identity)
        let right = try await names.decide(AuthRequest(head: head, question: question))
        guard right.success else { return Verdict(stage: .refused) }
        head.carried.merge(right.carried)
        let answer: UserConfigurationAnswer
        do {
            answer = try await source.configuration(
                for: head,
                authenticatedUsername: right.authenticatedUsername ?? identity,
                country: login.country
            )
        } catch {
            return Verdict(stage: .unconfigured)
        }
        head.carried.merge(answer.carried)
        var verdict = Verdict(stage: .accepted)
        verdict.identity =
            answer.authenticatedUsername ?? right.authenticatedUsername ?? identity
        verdict.carried = head.carried
        verdict.config = answer.config
        judge(login.requests, answer.config, proof.restrictions, &verdict)
        return verdict
    }

    private func judge(
        _ requests: [SimulatedRequest],
        _ config: UserConfig,
        _ restrictions: CredentialRestrictions?,
        _ verdict: inout Verdict
    ) {
        let limits = restrictions.map {
            CredentialLimits(
                forcedCommand: $0.forceCommand,
                permitsPTY: $0.permitPty,
                permitsPortForwarding: $0.permitPortForwarding,
                permitsAgentForwarding: $0.permitAgentForwarding,
                permitsX11Forwarding: $0.permitX11Forwarding,
                permitsUserRC: true
            )
        }
        let policy = SecurityPolicy(config.security, credential: limits)
        for request in requests {
            let code: MessageCode?
            switch request.kind {
            case .setting(let request): code = policy.refusal(of: request)
            case .program(let program):
                code = policy.refusal(of: program)
                guard code == nil else { break }
                let forced = policy.forced(program).map { "exec \($0.command)" }
                verdict.runs.append(forced ?? request.description)
            case .forward(let target): code = policy.refusal(of: target)
            case .listen(let address): code = policy.refusal(of: address)
            }
            let hasRoom = policy.allowsSession(besides: 0)
            let isChannel = request.kind.isSession
            if isChannel, !hasRoom, code == nil { verdict.runs = verdict.runs.dropLast() }
            verdict.allowed.append(code == nil && (hasRoom || !isChannel))
        }
    }
}

extension SimulatedRequest.Kind {
    fileprivate var isSession: Bool {
        switch self {
        case .setting, .program: true
        case .forward, .listen: false
        }
    }
}
