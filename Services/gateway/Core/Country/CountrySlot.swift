import MetricsClient
import Synchronization

/// The country of one client: two capital letters, `XX` where it is not known in time.
///
/// It is decided once, within the patience of whoever made the slot.
package final class CountrySlot: Sendable {
    private struct State {
        var country: String?
        var listeners: [@Sendable (String) -> Void] = []
    }

    private let state: Mutex<State>

    /// A slot that is filled later, or is known already.
    package init(_ known: String? = nil) {
        state = Mutex(State(country: known))
    }

    /// What is known now.
    package var now: String {
        state.withLock { $0.country } ?? GatewayMetrics.unknownCountry
    }

    /// Calls `body` once, as soon as the country is decided; at once if it is.
    package func whenKnown(_ body: @escaping @Sendable (String) -> Void) {
        let known = state.withLock { state in
            if state.country == nil { state.listeners.append(body) }
            return state.country
        }
        if let known { body(known) }
    }

    /// Waits until it is decided.
    package func value() async -> String {
        if let known = state.withLock({ $0.country }) { return known }
        return await withCheckedContinuation { continuation in
            whenKnown { continuation.resume(returning: $0) }
        }
    }

    /// Decides it; later calls change nothing.
    package func settle(_ country: String) {
        let listeners = state.withLock { state in
            guard state.country == nil else { return [@Sendable (String) -> Void]() }
            state.country = country
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener(country) }
    }
}
