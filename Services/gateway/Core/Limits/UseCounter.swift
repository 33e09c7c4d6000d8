package import AuthClient
import SharedConfig
import Synchronization

/// Counts connections and sessions of users that are logged in.
package protocol UseCounter: Sendable {
    /// Counts a use, unless that would be one too many.
    func admit(_ use: Use, _ limits: UseLimits) async -> UseRefusal?

    /// Ends a use that was admitted; once for each.
    func release(_ use: Use)
}

/// Counts what this gateway has.
package final class LocalUses: UseCounter {
    private let ledger: Mutex<UseLedger>
    private let clock = ContinuousClock()

    /// `capacity` bounds the users and sources whose rates are remembered.
    package init(capacity: Int) {
        ledger = Mutex(UseLedger(capacity: capacity))
    }

    package func admit(_ use: Use, _ limits: UseLimits) async -> UseRefusal? {
        ledger.withLock { $0.admit(use, limits, at: clock.now) }
    }

    package func release(_ use: Use) { ledger.withLock { $0.release(use) } }
}
