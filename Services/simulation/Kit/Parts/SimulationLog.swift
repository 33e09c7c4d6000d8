import Logging
import SharedLogging
import Synchronization

/// Keeps the codes of records and the reasons in them, in order.
final class SimulationLog: LogHandler {
    private struct State {
        var events: [String] = []
        var reasons: [String] = []
        var metadata: Logger.Metadata = [:]
    }

    /// Records that are kept; a connection without traffic makes some dozens.
    private static let limit = 10_000

    private let state = Mutex(State())

    /// How many records there are so far.
    var count: Int { state.withLock { $0.events.count } }

    /// Each code once.
    var codes: [String] {
        state.withLock { state in
            state.events.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
    }

    var reasons: [String] { state.withLock { $0.reasons } }

    /// The policy's code for a refusal behind the first `count` records, or what was said last.
    func refusal(after count: Int) -> String? {
        let events = state.withLock { $0.events.dropFirst(count) }
        let policy = events.first { $0.hasPrefix("SECURITY_") && !$0.hasSuffix("FORCING_COMMAND") }
        return policy ?? events.last
    }

    var logLevel: Logger.Level {
        get { .debug }
        set {}  // whatever the level, a simulation wants to know
    }

    var metadata: Logger.Metadata {
        get { state.withLock { $0.metadata } }
        set { state.withLock { $0.metadata = newValue } }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { state.withLock { $0.metadata[key] } }
        set { state.withLock { $0.metadata[key] = newValue } }
    }

    func log(event: LogEvent) {
        guard case .string(let code)? = event.metadata?[LogLabel.code] else { return }
        let reason = event.level >= .info ? event.metadata?[LogLabel.reason] : nil
        state.withLock { state in
            guard state.events.count < Self.limit else { return }
            state.events.append(code)
            guard let reason else { return }
            let text = "\(code): \(reason)"
            if !state.reasons.contains(text) { state.reasons.append(text) }
        }
    }
}
