import Foundation
import SharedMessages
import SharedModels
import Synchronization

/// Kerberos logins between two steps: what the library knows stays in this process, so the steps of
/// one login have to reach the same authd.
final class KerberosNegotiations: Sendable {
    struct Negotiation: Sendable {
        let context: KerberosContext
        let username: String
        let connectionID: String
        /// Of the step that completed the context.
        var outcome: KerberosLibrary.Outcome?
    }

    private struct Entry {
        let negotiation: Negotiation
        let until: ContinuousClock.Instant
    }

    /// Logins that may be under way at a time; each holds a few KiB.
    static let most = 1024
    /// How long a client may take for one step.
    static let patience = Duration.seconds(60)

    private let entries = Mutex<[String: Entry]>([:])

    /// Keeps it until its next step: the state to be told then.
    ///
    /// Throws `AUTHD_BUSY` when too many are under way.
    func keep(_ negotiation: Negotiation) throws(CodedError) -> String {
        let state = UUID().uuidString
        let now = ContinuousClock.now
        let isKept = entries.withLock { entries in
            if entries.count >= Self.most { entries = entries.filter { $0.value.until > now } }
            guard entries.count < Self.most else { return false }
            entries[state] = Entry(negotiation: negotiation, until: now + Self.patience)
            return true
        }
        guard isKept else { throw CodedError(.authdBusy, isRetryable: true) }
        return state
    }

    /// Gives it up for one step of the login it belongs to; `nil` for any other.
    func take(_ state: String, _ head: AuthRequestHead) -> Negotiation? {
        let entry = entries.withLock { $0.removeValue(forKey: state) }
        guard let entry, entry.until > .now, entry.negotiation.username == head.username,
            entry.negotiation.connectionID == head.connectionID
        else { return nil }
        return entry.negotiation
    }
}
