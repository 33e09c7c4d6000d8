import DequeModule
package import Logging
import MetricsClient
package import NIOCore
import SharedLogging
import SharedMessages
import Synchronization

/// Learns which countries clients are in, from metricsd, and remembers it for an hour.
///
/// Nobody waits for it longer than 50 ms: a country that comes later serves the next connection
/// from the same address.
package final class Countries: Sendable {
    /// Two capital letters, or `nil` where the database has none.
    package typealias Ask = @Sendable (_ address: String) async throws -> String?

    /// What a connection's start waits at most.
    static let patience = TimeAmount.milliseconds(50)
    private static let validity = Duration.seconds(3600)
    private static let capacity = 8192
    /// Addresses that are asked about at one time; more are unknown.
    fileprivate static let mostQuestions = 64
    private static let logPause = Duration.seconds(60)

    fileprivate struct State {
        var known: [String: (country: String, until: ContinuousClock.Instant)] = [:]
        /// The keys of `known`, oldest first.
        var order: Deque<String> = []
        var waiting: [String: [CountrySlot]] = [:]
        var lastFault: ContinuousClock.Instant?
    }

    private let ask: Ask?
    private let everywhere: String
    private let logger: Logger
    private let state = Mutex(State())

    /// Without `ask` every country is unknown.
    package convenience init(logger: Logger, ask: Ask?) {
        self.init(logger: logger, everywhere: GatewayMetrics.unknownCountry, ask: ask)
    }

    /// With one country for every address: two capital letters.
    package convenience init(everywhere country: String, logger: Logger) {
        self.init(logger: logger, everywhere: country, ask: nil)
    }

    private init(logger: Logger, everywhere: String, ask: Ask?) {
        self.everywhere = everywhere
        self.ask = ask
        self.logger = logger
    }

    /// Where `address` is: an IP address without port. The slot is decided within `patience` of
    /// `eventLoop`'s clock.
    package func slot(for address: String, on eventLoop: any EventLoop) -> CountrySlot {
        guard let ask else { return CountrySlot(everywhere) }
        let now = ContinuousClock.now
        let (slot, isFirst) = state.withLock { $0.slot(for: address, at: now) }
        guard let isFirst else { return slot }
        // The event loop's own clock, so that a busy loop is not mistaken for a slow metricsd.
        eventLoop.scheduleTask(in: Self.patience) { slot.settle(GatewayMetrics.unknownCountry) }
        // Ends with the call's own time limit.
        if isFirst { Task { await self.learn(address, ask) } }
        return slot
    }

    private func learn(_ address: String, _ ask: Ask) async {
        do {
            let country = try await ask(address) ?? GatewayMetrics.unknownCountry
            settle(address, country, isWorthKeeping: true)
        } catch {
            // Said before anybody is let go: who waits finds the reason in the log.
            report(error)
            settle(address, GatewayMetrics.unknownCountry, isWorthKeeping: false)
        }
    }

    private func settle(_ address: String, _ country: String, isWorthKeeping: Bool) {
        let until = ContinuousClock.now + Self.validity
        let slots = state.withLock { state in
            if isWorthKeeping { state.keep(country, of: address, until: until, Self.capacity) }
            return state.waiting.removeValue(forKey: address) ?? []
        }
        for slot in slots { slot.settle(country) }
    }

    private func report(_ error: any Error) {
        let now = ContinuousClock.now
        let isDue = state.withLock { state in
            if let last = state.lastFault, now - last < Self.logPause { return false }
            state.lastFault = now
            return true
        }
        if isDue { logger.emit(.geoIPLookupFailed, ["reason": "\(error)"]) }
    }
}

extension Countries.State {
    /// The slot, and whether somebody has to ask for it first; `nil` where it is decided.
    fileprivate mutating func slot(
        for address: String,
        at now: ContinuousClock.Instant
    ) -> (CountrySlot, Bool?) {
        if let found = known[address], now < found.until {
            return (CountrySlot(found.country), nil)
        }
        let slot = CountrySlot()
        if waiting[address] != nil {
            waiting[address]?.append(slot)
            return (slot, false)
        }
        guard waiting.count < Countries.mostQuestions else {
            return (CountrySlot(GatewayMetrics.unknownCountry), nil)
        }
        waiting[address] = [slot]
        return (slot, true)
    }

    fileprivate mutating func keep(
        _ country: String,
        of address: String,
        until: ContinuousClock.Instant,
        _ capacity: Int
    ) {
        if known.updateValue((country, until), forKey: address) == nil { order.append(address) }
        if order.count > capacity, let oldest = order.popFirst() { known[oldest] = nil }
    }
}
