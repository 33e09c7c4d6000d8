package import AuthClient
package import Logging
package import MetricsClient
import ServiceLifecycle
import SharedLogging
import SharedMessages
import Synchronization

/// Counts together with other gateways through a common authd, and exchanges penalties with them.
///
/// What this gateway has is counted here too: without an answer of authd in time that count
/// decides alone, which is said in the log once, and once more when authd answers again.
package final class SharedUses: UseCounter, Service, CustomStringConvertible {
    package let description = "shared limits"
    private let name: String
    private let client: LimitsClient
    private let interval: Duration
    private let local: LocalUses
    private let limiter: ConnectionLimiter
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    private struct State {
        /// What this gateway has, so that an authd that began anew can be told.
        var uses: [String: Use] = [:]
        /// What authd is to be told.
        var released: Set<String> = []
        var isFailing = false
        var isFirst = true
        var epoch = ""
        var revision: UInt64 = 0
        var wantsUses = false
    }

    /// - Parameters:
    ///   - name: of this run of the gateway, unique.
    ///   - client: the common authd.
    ///   - interval: between two reports.
    ///   - capacity: users and sources whose rates are remembered.
    ///   - limiter: whose penalties are exchanged.
    ///   - metrics: counts the failures of authd.
    ///   - logger: of the service.
    package init(
        name: String,
        client: LimitsClient,
        interval: Duration,
        capacity: Int,
        limiter: ConnectionLimiter,
        metrics: GatewayMetrics,
        logger: Logger
    ) {
        self.name = name
        self.client = client
        self.interval = interval
        local = LocalUses(capacity: capacity)
        self.limiter = limiter
        self.metrics = metrics
        self.logger = logger
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        limiter.share()
    }

    package func admit(_ use: Use, _ limits: UseLimits) async -> UseRefusal? {
        if let refusal = await local.admit(use, limits) { return refusal }
        state.withLock { $0.uses[use.id] = use }
        // While authd is known to be away nobody waits for it.
        guard !state.withLock({ $0.isFailing }) else { return nil }
        do {
            let request = AdmitRequest(gateway: name, use: use, limits: limits)
            guard let refusal = try await client.admit(request).refusal else { return nil }
            // A report under way may have told that it is in use.
            release(use)
            return refusal
        } catch {
            // A client that left: its use is released like any other.
            if !(error is CancellationError) { failed(error) }
            return nil
        }
    }

    package func release(_ use: Use) {
        local.release(use)
        state.withLock {
            $0.uses[use.id] = nil
            $0.released.insert(use.id)
        }
        wake.yield()
    }

    /// Reports every interval, and sooner when something was released, until its task is told to
    /// shut down or is cancelled.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.work() }
    }

    private func work() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.releaseWhenWoken() }
            group.addTask { await self.reportEachInterval() }
            await group.waitForAll()
        }
    }

    private func reportEachInterval() async {
        while !Task.isCancelled {
            await report()
            // Cancelled when the service ends.
            try? await Task.sleep(for: interval)
        }
    }

    private func releaseWhenWoken() async {
        for await _ in wakes { await sendReleases() }
    }

    private func sendReleases() async {
        let (released, isFailing) = state.withLock { ($0.released, $0.isFailing) }
        guard !released.isEmpty, !isFailing else { return }
        do {
            try await client.release(ReleaseRequest(gateway: name, uses: Array(released)))
            state.withLock { $0.released.subtract(released) }
        } catch {
            if !(error is CancellationError) { failed(error) }
        }
    }

    private func report() async {
        let news = limiter.news
        let (report, released) = state.withLock { state in
            let report = LimitsReport(
                gateway: name,
                epoch: state.epoch,
                since: state.revision,
                offences: news.offences,
                cleared: news.cleared,
                // After a failure authd may have counted what was refused here, or missed a release.
                uses: state.wantsUses || state.isFailing ? Array(state.uses.values) : nil
            )
            return (report, state.released)
        }
        do {
            let reply = try await client.report(report)
            limiter.told(offences: news.offences.count, cleared: news.cleared.count)
            limiter.learn(reply)
            // A list of what is in use says what is not.
            succeeded(reply, told: report.uses == nil ? [] : released)
        } catch {
            if !(error is CancellationError) { failed(error) }
        }
    }

    private func succeeded(_ reply: LimitsReportReply, told: Set<String>) {
        let wasAway = state.withLock { state in
            let wasAway = state.isFailing || state.isFirst
            (state.isFailing, state.isFirst) = (false, false)
            (state.epoch, state.revision) = (reply.epoch, reply.revision)
            state.wantsUses = reply.wantsUses
            state.released.subtract(told)
            return wasAway
        }
        if wasAway { logger.emit(.limitsSharedAvailable) }
        wake.yield()
    }

    private func failed(_ error: any Error) {
        let isNews = state.withLock { state in
            defer { (state.isFailing, state.isFirst) = (true, false) }
            return !state.isFailing
        }
        guard isNews else { return }
        metrics.limitReached(.limitsSharedUnavailable)
        logger.emit(.limitsSharedUnavailable, ["reason": "\(error)"])
    }
}
