package import AuthClient
package import Logging
package import SharedConfig
import SharedLogging
import SharedMessages
import Synchronization

/// Counts for several gateways, and passes what one learns about a source on to the others.
///
/// A gateway's counts live as long as it reports: what one that died had in use is forgotten after
/// the lease time. Nothing is kept on disk; after a restart gateways say again what they have.
package final class SharedLimits: Sendable {
    fileprivate struct Gateway {
        var uses: [String: Use] = [:]
        var deadline: ContinuousClock.Instant
        /// Whether it has said what it had before this process began.
        var isComplete: Bool
    }

    fileprivate struct State {
        var penalties: PenaltyBook
        var ledger: UseLedger
        var gateways: [String: Gateway] = [:]
        /// What was forgiven at which revision, the oldest first.
        var clearings: [(revision: UInt64, source: String)] = []
        /// Below this revision clearings have been forgotten.
        var forgotten: UInt64 = 0
        /// Gateways whose lease ended, for the log.
        var expired: [(gateway: String, uses: Int)] = []
    }

    private let epoch: String
    private let leaseTime: Duration
    private let clock = ContinuousClock()
    private let logger: Logger
    private let state: Mutex<State>

    fileprivate static let mostClearings = 1024
    fileprivate static let mostPenalties = 1000
    /// Gateways at one time: what would be more is a fault of somebody.
    fileprivate static let mostGateways = 1000

    /// A gateway that is not heard for `leaseTime` has nothing in use any more.
    package init(_ config: LimitsConfig, leaseTime: Duration = .seconds(15), logger: Logger) {
        epoch = String(UInt64.random(in: 0 ... .max), radix: 16)
        self.leaseTime = leaseTime
        self.logger = logger
        state = Mutex(
            State(
                penalties: PenaltyBook(
                    config.penalties,
                    ban: config.ban,
                    capacity: config.tracked
                ),
                ledger: UseLedger(capacity: config.tracked)
            )
        )
    }

    /// Other rules from now on; what is counted and noted stays.
    package func use(_ config: LimitsConfig) {
        state.withLock { $0.penalties.use(config.penalties, ban: config.ban) }
    }

    // MARK: - Uses

    package func admit(_ request: AdmitRequest) -> AdmitReply {
        perform { state, now in
            state.touch(request.gateway, isComplete: true, until: now + leaseTime)
            // The same question again, as after a lost reply, has the same answer.
            if state.gateways[request.gateway]?.uses[request.use.id] != nil {
                return AdmitReply(refusal: nil)
            }
            if let refusal = state.ledger.admit(request.use, request.limits, at: now) {
                return AdmitReply(refusal: refusal)
            }
            state.gateways[request.gateway]?.uses[request.use.id] = request.use
            return AdmitReply(refusal: nil)
        }
    }

    package func release(_ request: ReleaseRequest) {
        perform { state, _ in
            for id in request.uses {
                guard let use = state.gateways[request.gateway]?.uses.removeValue(forKey: id) else {
                    continue
                }
                state.ledger.release(use)
            }
        }
    }

    /// What a gateway has in use and what it has seen, against what others have seen.
    package func report(_ report: LimitsReport) -> LimitsReportReply {
        perform { state, now in
            let isKnown = report.epoch == epoch && state.gateways[report.gateway] != nil
            state.touch(report.gateway, isComplete: isKnown, until: now + leaseTime)
            if let uses = report.uses { state.replace(report.gateway, uses) }
            for source in report.cleared { state.clear(source, at: now) }
            for offence in report.offences.prefix(Self.mostPenalties) {
                guard let source = IPNetwork(offence.source) else { continue }
                _ = state.penalties.note(offence.kind, of: source, at: now)
            }
            let since = report.epoch == epoch ? report.since : 0
            return news(state, since: since, gateway: report.gateway, at: now)
        }
    }

    private func news(
        _ state: State,
        since: UInt64,
        gateway: String,
        at now: ContinuousClock.Instant
    ) -> LimitsReportReply {
        let changes = state.penalties.changes(
            after: since,
            atMost: Self.mostPenalties,
            at: now
        )
        let isTooOld = since < state.forgotten
        return LimitsReportReply(
            epoch: epoch,
            revision: changes.revision,
            penalties: changes.list.map {
                PenaltyRecord(source: $0.source, entry: $0.entry, at: now)
            },
            cleared: isTooOld
                ? ["*"]
                : state.clearings.filter { $0.revision > since && $0.revision <= changes.revision }
                    .map(\.source),
            wantsUses: state.gateways[gateway]?.isComplete != true
        )
    }

    // MARK: - Penalties

    package func penalties() -> [PenaltyRecord] {
        perform { state, now in
            state.penalties.list(at: now).map {
                PenaltyRecord(source: $0.source, entry: $0.entry, at: now)
            }
        }
    }

    /// Forgives the source that holds `network`; whether it had a penalty.
    package func clearPenalty(of network: IPNetwork) -> Bool {
        let isCleared = perform { state, now in
            // A single address stands for the block that it counts with.
            let known = state.penalties.sources(holding: network)
            for source in known { state.clear(source.description, at: now) }
            return !known.isEmpty
        }
        if isCleared {
            logger.emit(.limitsPenaltyCleared, ["source": "\(network.shortText)"])
        }
        return isCleared
    }

    package func clearPenalties() {
        perform { state, now in state.clear("*", at: now) }
        logger.emit(.limitsPenaltyCleared, ["source": "all"])
    }

    /// Whether the source is refused now.
    func isRefused(_ source: IPNetwork) -> Bool {
        perform { state, now in
            state.penalties.refusal(of: source, at: now) != nil
                || state.penalties.isOverflowing(at: now) && !state.penalties.knows(source)
        }
    }

    /// A failure that no gateway has seen.
    func note(_ kind: PenaltyKind, of source: IPNetwork) {
        _ = perform { state, now in state.penalties.note(kind, of: source, at: now) }
    }

    // MARK: - Private

    private func perform<Value>(
        _ body: (inout State, ContinuousClock.Instant) -> Value
    ) -> Value {
        let now = clock.now
        let (value, expired) = state.withLock { state in
            state.expire(at: now)
            defer { state.expired = [] }
            let value = body(&state, now)
            return (value, state.expired)
        }
        for (gateway, uses) in expired where uses > 0 {
            logger.emit(.limitsLeaseExpired, ["gateway": "\(gateway)", "uses": "\(uses)"])
        }
        return value
    }
}

extension SharedLimits: PenaltyDesk {}

extension SharedLimits.State {
    fileprivate mutating func touch(
        _ name: String,
        isComplete: Bool,
        until deadline: ContinuousClock.Instant
    ) {
        if gateways[name] != nil {
            gateways[name]?.deadline = deadline
        } else if gateways.count < SharedLimits.mostGateways {
            gateways[name] = SharedLimits.Gateway(deadline: deadline, isComplete: isComplete)
        }
    }

    fileprivate mutating func replace(_ name: String, _ uses: [Use]) {
        guard let gateway = gateways[name] else { return }
        for use in gateway.uses.values { ledger.release(use) }
        var known: [String: Use] = [:]
        for use in uses where known.updateValue(use, forKey: use.id) == nil { ledger.add(use) }
        gateways[name]?.uses = known
        gateways[name]?.isComplete = true
    }

    fileprivate mutating func clear(_ source: String, at now: ContinuousClock.Instant) {
        if source == "*" {
            penalties.clearAll()
        } else if let network = IPNetwork(source) {
            _ = penalties.clear(network, at: now)
        } else {
            return
        }
        clearings.append((penalties.revision, source))
        guard clearings.count > SharedLimits.mostClearings else { return }
        forgotten = clearings.removeFirst().revision
    }

    fileprivate mutating func expire(at now: ContinuousClock.Instant) {
        for (name, gateway) in gateways where gateway.deadline <= now {
            for use in gateway.uses.values { ledger.release(use) }
            gateways[name] = nil
            expired.append((name, gateway.uses.count))
        }
    }
}
