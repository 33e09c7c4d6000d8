import AuthClient
import SharedConfig
import SharedMessages
import SharedSSH

/// Who is connected, who is on the way to a login, and who comes too often or has penalties.
///
/// Knows no clock and no lock. Everything takes constant time, and memory is bounded: counts exist
/// for open connections only, the rest has `limits.tracked` places.
struct AdmissionState {
    enum Decision {
        case admitted
        case refused(Refusal)
        case dropped(Refusal)
    }

    struct Refusal {
        let code: MessageCode
        /// What is in use and what may be; `nil` where there is no such number.
        var current: Int?
        var maximum: Int?
        /// For a penalty: why, and how long it still lasts.
        var penalty: PenaltyKind?
        var remaining: Duration?
    }

    private(set) var connections = 0
    /// Those of them that have not logged in.
    private(set) var startups = 0
    private var config: LimitsConfig
    private var maximumConnections: Int
    private var connectionsBySource: [IPNetwork: Int] = [:]
    private var startupsBySource: [IPNetwork: Int] = [:]
    /// Clients by where they come from: usually one each, more where a proxy or a Unix socket does
    /// not tell them apart.
    private var clients: [RemoteClient: Presence] = [:]
    private var connectionRates: RateTable<IPNetwork>
    private var attemptsBySource: RateTable<IPNetwork>
    private var attemptsByUser: RateTable<String>
    var penalties: PenaltyBook

    private struct Presence {
        var connections = 0
        var startups = 0
    }

    init(_ config: LimitsConfig, maximumConnections: Int) {
        self.config = config
        self.maximumConnections = maximumConnections
        connectionRates = RateTable(capacity: config.tracked)
        attemptsBySource = RateTable(capacity: config.tracked)
        attemptsByUser = RateTable(capacity: config.tracked)
        penalties = PenaltyBook(config.penalties, ban: config.ban, capacity: config.tracked)
    }

    /// Other limits from now on; counts and penalties stay.
    mutating func use(_ config: LimitsConfig, maximumConnections: Int) {
        self.config = config
        self.maximumConnections = maximumConnections
        penalties.use(config.penalties, ban: config.ban)
    }

    // MARK: - Connections

    /// Decides on a connection and counts it if it may come in. `dice` is a number of 0...99.
    mutating func connected(
        _ client: RemoteClient,
        _ address: IPAddress?,
        _ source: IPNetwork?,
        dice: Int,
        at now: ContinuousClock.Instant
    ) -> Decision {
        if let address, isDenied(address) {
            return .refused(Refusal(code: .limitsHostDenied))
        }
        guard connections < maximumConnections else {
            return .refused(
                Refusal(
                    code: .gatewayConnectionLimit,
                    current: connections,
                    maximum: maximumConnections
                )
            )
        }
        if let address, let source, !isExempt(address) {
            if let refusal = penalty(of: source, address, at: now) { return .refused(refusal) }
            if dice < config.startups.dropChance(at: startups) {
                return .dropped(
                    Refusal(
                        code: .limitsStartupsDropped,
                        current: startups,
                        maximum: config.startups.full
                    )
                )
            }
            if let refusal = crowding(of: source, at: now) { return .refused(refusal) }
        }
        connections += 1
        startups += 1
        clients[client, default: Presence()].connections += 1
        clients[client, default: Presence()].startups += 1
        guard let source else { return .admitted }
        connectionsBySource[source, default: 0] += 1
        startupsBySource[source, default: 0] += 1
        return .admitted
    }

    /// A connection that was admitted has ended, logged in or not.
    mutating func disconnected(_ client: RemoteClient, _ source: IPNetwork?) {
        guard var presence = clients[client] else { return }
        presence.connections -= 1
        if presence.startups > presence.connections {
            presence.startups -= 1
            endStartup(source)
        }
        clients[client] = presence.connections > 0 ? presence : nil
        connections -= 1
        if let source { Self.decrement(&connectionsBySource, source) }
    }

    /// A connection that was admitted has logged in.
    mutating func loggedIn(_ client: RemoteClient, _ source: IPNetwork?) {
        guard let presence = clients[client], presence.startups > 0 else { return }
        clients[client]?.startups -= 1
        endStartup(source)
    }

    private mutating func endStartup(_ source: IPNetwork?) {
        startups -= 1
        if let source { Self.decrement(&startupsBySource, source) }
    }

    // MARK: - Attempts

    enum AttemptScope: String {
        case user
        case source
    }

    /// Counts an attempt to authenticate; whose limit is reached, if one is.
    mutating func attempted(
        _ username: String,
        _ address: IPAddress?,
        _ source: IPNetwork?,
        at now: ContinuousClock.Instant
    ) -> AttemptScope? {
        if let address, let source, !isExempt(address),
            !attemptsBySource.take(source, config.perSource.authenticationRate, at: now)
        {
            return .source
        }
        guard attemptsByUser.take(username, config.perUser.authenticationRate, at: now) else {
            return .user
        }
        return nil
    }

    /// Notes a failure of a source that is not exempt.
    mutating func failed(
        _ kind: PenaltyKind,
        _ address: IPAddress,
        _ source: IPNetwork,
        at now: ContinuousClock.Instant
    ) -> PenaltyBook.Change {
        guard !isExempt(address), !Self.contains(config.penalties.exempt, address) else {
            return .noted
        }
        return penalties.note(kind, of: source, at: now)
    }

    // MARK: - Private

    private func isDenied(_ address: IPAddress) -> Bool {
        if Self.contains(config.deny, address) { return true }
        return !config.allow.isEmpty && !Self.contains(config.allow, address)
    }

    func isExempt(_ address: IPAddress) -> Bool { Self.contains(config.exempt, address) }

    private mutating func penalty(
        of source: IPNetwork,
        _ address: IPAddress,
        at now: ContinuousClock.Instant
    ) -> Refusal? {
        guard !Self.contains(config.penalties.exempt, address) else { return nil }
        if let entry = penalties.refusal(of: source, at: now) {
            return Refusal(
                code: .limitsPenalized,
                penalty: entry.kind,
                remaining: now.duration(to: entry.until)
            )
        }
        guard !penalties.knows(source), penalties.isOverflowing(at: now) else { return nil }
        return Refusal(
            code: .limitsPenaltiesFull,
            current: penalties.count,
            maximum: config.tracked
        )
    }

    private mutating func crowding(
        of source: IPNetwork,
        at now: ContinuousClock.Instant
    ) -> Refusal? {
        let limits = config.perSource
        let waiting = startupsBySource[source] ?? 0
        if limits.startups > 0, waiting >= limits.startups {
            return Refusal(
                code: .limitsSourceStartups,
                current: waiting,
                maximum: limits.startups
            )
        }
        let open = connectionsBySource[source] ?? 0
        if limits.connections > 0, open >= limits.connections {
            return Refusal(
                code: .limitsSourceConnections,
                current: open,
                maximum: limits.connections
            )
        }
        guard connectionRates.take(source, limits.connectionRate, at: now) else {
            return Refusal(code: .limitsConnectionRate, maximum: limits.connectionRate.count)
        }
        return nil
    }

    private static func contains(_ networks: [IPNetwork], _ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }

    private static func decrement(_ counts: inout [IPNetwork: Int], _ source: IPNetwork) {
        guard let count = counts[source] else { return }
        counts[source] = count > 1 ? count - 1 : nil
    }
}
