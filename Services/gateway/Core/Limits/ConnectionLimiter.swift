package import AuthClient
package import Logging
package import MetricsClient
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
import Synchronization

/// The gateway's gate: decides at once and from memory who comes in, and keeps the penalties.
package final class ConnectionLimiter: ConnectionGate {
    private let state: Mutex<State>
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let clock = ContinuousClock()
    private let dice: @Sendable () -> Int

    private struct State {
        var config: LimitsConfig
        var names: UsernameRules
        var admission: AdmissionState
        var speech: RateTable<SpeechKind>
        var log: LogThrottle
        /// What the other gateways are to be told.
        var isShared = false
        var offences: [Offence] = []
        var cleared: [String] = []

        /// An operator has forgiven a source, or all.
        mutating func forget(_ source: IPNetwork?) {
            guard isShared else { return }
            let text = source?.description ?? "*"
            offences.removeAll { source == nil || $0.source == text }
            guard cleared.count < ConnectionLimiter.mostOffences else { return }
            cleared.append(text)
        }
    }

    private enum SpeechKind {
        case refusal
    }

    /// Refused clients to whom a text is sent in a time: each keeps its socket for two seconds at
    /// most. Those beyond are closed without a word, so that a flood costs little.
    private static let speechRate = RateLimit(count: 256, window: .seconds(1))
    /// Failures that wait to be told to the other gateways.
    private static let mostOffences = 4096

    /// `dice` makes a random number of 0...99 for the early drop.
    package init(
        _ config: LimitsConfig,
        maximumConnections: Int,
        metrics: GatewayMetrics,
        logger: Logger,
        dice: @escaping @Sendable () -> Int = { Int.random(in: 0..<100) }
    ) {
        state = Mutex(
            State(
                config: config,
                names: UsernameRules(config.usernames),
                admission: AdmissionState(config, maximumConnections: maximumConnections),
                speech: RateTable(capacity: 1),
                log: LogThrottle()
            )
        )
        self.metrics = metrics
        self.logger = logger
        self.dice = dice
    }

    /// Other limits from now on; what is counted and noted stays.
    package func use(_ config: LimitsConfig, maximumConnections: Int) {
        state.withLock {
            $0.config = config
            $0.names = UsernameRules(config.usernames)
            $0.admission.use(config, maximumConnections: maximumConnections)
        }
    }

    package func admit(_ client: RemoteClient) -> Admission {
        let now = clock.now
        let source = source(of: client.host)
        let (decision, maySpeak) = state.withLock { state in
            let decision = state.admission.connected(
                client,
                source?.address,
                source?.network,
                dice: state.config.startups.isLimited ? dice() : 100,
                at: now
            )
            guard case .refused = decision else { return (decision, true) }
            return (decision, state.speech.take(.refusal, Self.speechRate, at: now))
        }
        switch decision {
        case .admitted:
            return .admitted { [weak self] in
                self?.state.withLock { $0.admission.disconnected(client, source?.network) }
            }
        case .refused(let refusal):
            report(refusal, client)
            guard maySpeak else { return .dropped }
            return .refused(refusal.answer)
        case .dropped(let refusal):
            report(refusal, client)
            return .dropped
        }
    }

    /// The address of a client and the block that counts as its source; `nil` for a client
    /// without an IP address.
    package func source(of host: String) -> Source? {
        guard let address = IPAddress(host) else { return nil }
        let limits = state.withLock { $0.config.perSource }
        let network = IPNetwork(of: address, ipv4: limits.ipv4Prefix, ipv6: limits.ipv6Prefix)
        return Source(address: address, network: network)
    }

    private func report(_ refusal: AdmissionState.Refusal, _ client: RemoteClient) {
        metrics.limitReached(refusal.code)
        let suppressed = state.withLock { $0.log.suppressed(refusal.code, at: clock.now) }
        // In a flood the metric counts all, the log has samples.
        guard let suppressed else { return }
        var labels = refusal.labels
        labels["remoteAddr"] = "\(client.host)"
        if suppressed > 0 { labels["suppressed"] = "\(suppressed)" }
        logger.emit(refusal.code, labels)
    }
}

/// Where a connection comes from: the address, and the block that counts for limits.
package struct Source: Sendable, Hashable {
    package let address: IPAddress
    package let network: IPNetwork
}

// MARK: - Logins

extension ConnectionLimiter {
    /// The client of a connection that was admitted has authenticated.
    func loggedIn(_ client: RemoteClient, _ source: Source?) {
        state.withLock { $0.admission.loggedIn(client, source?.network) }
    }

    /// Connections that are not authenticated yet.
    package var startups: Int { state.withLock { $0.admission.startups } }

    /// Connections that were admitted and have not ended.
    package var connections: Int { state.withLock { $0.admission.connections } }

    /// Writes what is so now into the metrics; to be called before they are read.
    package func measure() {
        let now = clock.now
        let (startups, refused) = state.withLock {
            ($0.admission.startups, $0.admission.penalties.refused(at: now))
        }
        metrics.startups(startups)
        metrics.refusedSources(penalties: refused.penalties, bans: refused.bans)
    }

    func isExempt(_ source: Source) -> Bool {
        state.withLock { $0.admission.isExempt(source.address) }
    }

    /// What one user may have, their own values put over those of everyone.
    func useLimits(of user: UserLimitsConfig) -> UseLimits {
        let config = state.withLock { $0.config }
        var limits = UseLimits()
        limits.userConnections = user.perUser.connections
        limits.userSessions = user.perUser.sessions
        limits.sourceSessions = config.perSource.sessions
        limits.sessions = config.sessions
        limits.userSessionRate = config.perUser.sessionRate.text
        limits.sourceSessionRate = config.perSource.sessionRate.text
        return limits
    }

    func allows(username: String) -> Bool {
        let names = state.withLock { $0.names }
        return names.allow(username)
    }

    /// Counts an attempt; whose limit is reached, if one is.
    func attempted(_ username: String, _ source: Source?) -> AdmissionState.AttemptScope? {
        state.withLock {
            $0.admission.attempted(username, source?.address, source?.network, at: clock.now)
        }
    }

    /// Notes a failed connection of a source.
    func failed(_ kind: PenaltyKind, _ source: Source?, _ logger: Logger) {
        guard let source else { return }
        let change = state.withLock { state in
            let change = state.admission.failed(kind, source.address, source.network, at: clock.now)
            if state.isShared, state.offences.count < Self.mostOffences,
                !state.admission.isExempt(source.address)
            {
                state.offences.append(Offence(source: source.network.description, kind: kind))
            }
            return change
        }
        report(change, kind, source, logger)
    }

    private func report(
        _ change: PenaltyBook.Change,
        _ kind: PenaltyKind,
        _ source: Source,
        _ logger: Logger
    ) {
        let (code, time): (MessageCode, Duration)
        switch change {
        case .noted, .prolonged: return
        case .penalized(let duration): (code, time) = (.limitsPenaltyGiven, duration)
        case .banned(let duration): (code, time) = (.limitsBanned, duration)
        }
        metrics.limitReached(code)
        logger.emit(
            code,
            [
                "source": "\(source.network.shortText)", "cause": "\(kind.rawValue)",
                "duration": "\(time.wholeSeconds)",
            ]
        )
    }
}

// MARK: - Penalties

extension ConnectionLimiter {
    /// What is not over, the latest end first.
    package func penalties() -> [PenaltyRecord] {
        let now = clock.now
        return state.withLock { $0.admission.penalties.list(at: now) }
            .map { PenaltyRecord(source: $0.source, entry: $0.entry, at: now) }
    }

    /// Forgives the source that holds `network`; whether it had a penalty.
    package func clearPenalty(of network: IPNetwork) -> Bool {
        let isCleared = state.withLock { state in
            let known = state.admission.penalties.sources(holding: network)
            for source in known {
                _ = state.admission.penalties.clear(source, at: clock.now)
                state.forget(source)
            }
            return !known.isEmpty
        }
        if isCleared {
            logger.emit(.limitsPenaltyCleared, ["source": "\(network.shortText)"])
        }
        return isCleared
    }

    package func clearPenalties() {
        state.withLock { state in
            state.admission.penalties.clearAll()
            state.forget(nil)
        }
        logger.emit(.limitsPenaltyCleared, ["source": "all"])
    }
}

// MARK: - Exchange with other gateways

extension ConnectionLimiter {
    /// Keeps from now on what the others are to be told.
    func share() { state.withLock { $0.isShared = true } }

    /// What is to be told, at most 1000 failures at a time; `told` takes it off the list.
    var news: (offences: [Offence], cleared: [String]) {
        state.withLock { (Array($0.offences.prefix(1000)), $0.cleared) }
    }

    func told(offences: Int, cleared: Int) {
        state.withLock {
            $0.offences.removeFirst(min(offences, $0.offences.count))
            $0.cleared.removeFirst(min(cleared, $0.cleared.count))
        }
    }

    /// Takes over what others have learned.
    func learn(_ reply: LimitsReportReply) {
        let now = clock.now
        state.withLock { state in
            for text in reply.cleared {
                if text == "*" { state.admission.penalties.clearAll() }
                guard let source = IPNetwork(text) else { continue }
                _ = state.admission.penalties.clear(source, at: now)
            }
            for penalty in reply.penalties {
                guard let source = IPNetwork(penalty.source),
                    !state.admission.isExempt(source.address)
                else { continue }
                state.admission.penalties.merge(
                    penalty.cause,
                    of: source,
                    for: .seconds(penalty.remainingSeconds),
                    isBan: penalty.banned,
                    at: now
                )
            }
        }
    }
}

extension ConnectionLimiter: PenaltyDesk {}

extension AdmissionState.Refusal {
    fileprivate var answer: ServerRefusal {
        let reason: DisconnectReason =
            switch code {
            case .limitsHostDenied, .limitsPenalized: .hostNotAllowedToConnect
            default: .tooManyConnections
            }
        return ServerRefusal(reason: reason, text: personText(code, text))
    }

    private var text: String? {
        guard let remaining else { return nil }
        return "Your address is refused after failed attempts. "
            + "Please try again in \(remaining.wholeSeconds) seconds."
    }

    fileprivate var labels: Logger.Metadata {
        var labels: Logger.Metadata = [:]
        if let current { labels["current"] = "\(current)" }
        if let maximum { labels["maximum"] = "\(maximum)" }
        if let penalty { labels["cause"] = "\(penalty.rawValue)" }
        if let remaining { labels["remaining"] = "\(remaining.wholeSeconds)" }
        return labels
    }
}

extension Duration {
    /// Seconds, rounded up.
    package var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
