import AuthClient
import Logging
import MetricsClient
import NIOCore
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// Holds a connection of a known user to what they may have at a time, and for how long.
///
/// Stands behind the policy, so that the limits are those of the user's own configuration.
final class UserLimitsLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let limiter: ConnectionLimiter
    private let uses: any UseCounter
    private let control: any ServerConnectionControl
    private let slot: TimesSlot
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let next: any ServerConnectionHandler
    private let person = Mutex<Person?>(nil)
    private let lastChannel = Atomic<Int>(0)

    /// What is known once the user is.
    private struct Person {
        let user: String
        let limits: UserLimitsConfig
        let connection: Use
    }

    init(
        state: ConnectionState,
        limiter: ConnectionLimiter,
        uses: any UseCounter,
        control: any ServerConnectionControl,
        slot: TimesSlot,
        metrics: GatewayMetrics,
        logger: Logger,
        next: any ServerConnectionHandler
    ) {
        self.state = state
        self.limiter = limiter
        self.uses = uses
        self.control = control
        self.slot = slot
        self.metrics = metrics
        self.logger = logger
        self.next = next
    }

    func authenticated(as username: String) async throws {
        let facts = state.facts
        let limits = facts.userConfig?.limits ?? UserLimitsConfig()
        let user = facts.authenticatedUsername.isEmpty ? username : facts.authenticatedUsername
        let use = Use(id: state.connectionID, kind: .connection, user: user, source: "")
        if let refusal = await uses.admit(use, limiter.useLimits(of: limits)) {
            let code = report(refusal)
            throw ServerRefusal(reason: .tooManyConnections, text: personText(code, nil))
        }
        person.withLock { $0 = Person(user: user, limits: limits, connection: use) }
        try await next.authenticated(as: username)
        slot.begin(
            ConnectionTimes(
                limits.times,
                on: state.eventLoop,
                control: control,
                metrics: metrics,
                logger: logger
            )
        )
    }

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        guard let person = person.withLock({ $0 }) else { return await next.openSession(channel) }
        let use = session(of: person)
        if let refusal = await uses.admit(use, limiter.useLimits(of: person.limits)) {
            let code = report(refusal)
            logger.emit(.sshNewChannelRejected, ["type": "session"])
            return .refused(.resourceShortage, text: personText(code, nil))
        }
        let times = slot.times
        let watch = times?.watch(channel)
        let decision = await next.openSession(
            watch.map { WatchedChannel(channel, watch: $0) } ?? channel
        )
        guard case .accepted(let handler) = decision else {
            watch?.end()
            uses.release(use)
            return decision
        }
        return .accepted(
            LimitedSession(channel: channel, times: times, next: handler) { [uses] in
                watch?.end()
                uses.release(use)
            }
        )
    }

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        guard let watch = slot.times?.watch(channel) else {
            return await next.openForward(channel, to: target)
        }
        let watched = WatchedByteChannel(channel, watch: watch)
        let decision = await next.openForward(watched, to: target)
        guard case .accepted(let handler) = decision else {
            watch.end()
            return decision
        }
        return .accepted(WatchedForward(watch: watch, next: handler))
    }

    func disconnected(_ end: ConnectionEnd) async {
        let person = person.withLock { person in
            defer { person = nil }
            return person
        }
        slot.end()
        await next.disconnected(end)
        if let person { uses.release(person.connection) }
    }

    // MARK: - Private

    private func session(of person: Person) -> Use {
        let number = lastChannel.add(1, ordering: .relaxed).newValue
        let source = limiter.source(of: state.remoteAddress.host)
        let counted = source.flatMap { limiter.isExempt($0) ? nil : $0.network.description }
        return Use(
            id: "\(state.connectionID)/\(number)",
            kind: .session,
            user: person.user,
            source: counted ?? ""
        )
    }

    private func report(_ refusal: UseRefusal) -> MessageCode {
        var labels: Logger.Metadata = [
            "current": "\(refusal.current)", "maximum": "\(refusal.maximum)",
            "username": "\(state.facts.username)",
        ]
        if let scope = refusal.reason.scope { labels["scope"] = "\(scope)" }
        let code = refusal.reason.code
        metrics.limitReached(code)
        logger.emit(code, labels)
        return code
    }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {
        await next.handshakeCompleted(handshake)
    }

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        await next.authenticate(attempt)
    }

    func listen(_ address: ForwardAddress) async -> ListenReply { await next.listen(address) }

    func cancelListen(_ address: ForwardAddress) async -> Bool {
        await next.cancelListen(address)
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        await next.globalRequest(request)
    }

    func unsupportedChannel(type: String) async { await next.unsupportedChannel(type: type) }

    func malformed(_ request: MalformedRequest) async { await next.malformed(request) }
}

extension UseRefusal.Reason {
    fileprivate var code: MessageCode {
        switch self {
        case .userConnections: .limitsUserConnections
        case .userSessions: .limitsUserSessions
        case .sourceSessions: .limitsSourceSessions
        case .sessions: .limitsSessions
        case .userSessionRate, .sourceSessionRate: .limitsSessionRate
        }
    }

    fileprivate var scope: String? {
        switch self {
        case .userSessionRate: "user"
        case .sourceSessionRate: "source"
        case .userConnections, .userSessions, .sourceSessions, .sessions: nil
        }
    }
}

/// A session that gives its place back when it is closed.
private final class LimitedSession: SessionHandler {
    private let channel: any SessionChannel
    private let times: ConnectionTimes?
    private let next: any SessionHandler
    private let whenClosed: @Sendable () -> Void

    init(
        channel: any SessionChannel,
        times: ConnectionTimes?,
        next: any SessionHandler,
        whenClosed: @escaping @Sendable () -> Void
    ) {
        self.channel = channel
        self.times = times
        self.next = next
        self.whenClosed = whenClosed
    }

    func handle(_ request: SessionRequest) async -> Bool {
        let isAccepted = await next.handle(request)
        if isAccepted { times?.heard(request, on: channel) }
        return isAccepted
    }

    func closed() async {
        times?.forget(channel)
        await next.closed()
        whenClosed()
    }
}

private final class WatchedForward: ForwardHandler {
    private let watch: ChannelWatch
    private let next: any ForwardHandler

    init(watch: ChannelWatch, next: any ForwardHandler) {
        self.watch = watch
        self.next = next
    }

    func run() async { await next.run() }

    func closed() async {
        watch.end()
        await next.closed()
    }
}
