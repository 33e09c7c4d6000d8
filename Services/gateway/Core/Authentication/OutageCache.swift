import AuthClient
package import SharedConfig
import SharedModels
import Synchronization

/// What the public key webhook has accepted, for the time when it does not answer.
///
/// Keys only, never passwords; acceptances only. One lives as long as the gateway's process and is
/// forgotten when the webhook is another one or the cache is turned off. An acceptance holds for
/// the same login name, key and client address, since a webhook may look at each of them.
package final class OutageCache: Sendable {
    /// What was asked.
    struct Question: Hashable, Sendable {
        let username: String
        let key: String
        /// Without the port.
        let address: String
        /// What earlier steps of the login had said, which the webhook was told.
        let carried: ConnectionMetadata
    }

    private struct Acceptance {
        let response: AuthResponse
        let since: ContinuousClock.Instant
    }

    private struct State {
        var webhook = ""
        var maximumAge = Duration.zero
        var answers: BoundedTable<Question, Acceptance>?
    }

    /// Answers that carry more are not kept; ten thousand of the largest are 160 MiB.
    static let longestAnswer = 16 << 10

    private let state = Mutex(State())

    package init() {}

    /// Takes a new configuration; `webhook` is the URL whose answers these are.
    package func use(_ config: AuthCacheConfig, webhook: String) {
        state.withLock { state in
            let isSame = state.webhook == webhook && state.answers?.capacity == config.entries
            state.webhook = webhook
            state.maximumAge = config.maximumAge
            if !config.enable {
                state.answers = nil
            } else if !isSame || state.answers == nil {
                state.answers = BoundedTable(capacity: config.entries)
            }
        }
    }

    /// The acceptance that is not too old, and how old it is.
    func answer(
        to question: Question,
        at now: ContinuousClock.Instant
    ) -> (response: AuthResponse, age: Duration)? {
        state.withLock { state in
            guard let known = state.answers?[question] else { return nil }
            let age = now - known.since
            guard age <= state.maximumAge else {
                state.answers?.remove(question)
                return nil
            }
            return (known.response, age)
        }
    }

    /// Remembers an acceptance, and forgets everything about a key that was refused.
    func note(_ response: AuthResponse, to question: Question, at now: ContinuousClock.Instant) {
        state.withLock { state in
            if response.success, response.carried.size <= Self.longestAnswer {
                state.answers?.set(question, Acceptance(response: response, since: now))
            } else {
                state.answers?.remove(question)
            }
        }
    }

    var count: Int { state.withLock { $0.answers?.count ?? 0 } }
}

extension ConnectionMetadata {
    /// Bytes of all names and values.
    fileprivate var size: Int {
        let texts = (metadata.map { ($0, $1.value) }) + environment.map { ($0, $1.value) }
        return texts.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count }
            + files.reduce(0) { $0 + $1.key.utf8.count + $1.value.value.utf8.count }
    }
}
