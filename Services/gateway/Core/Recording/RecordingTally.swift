import NIOCore
import SharedAudit
import SharedConfig
import SharedMessages
import Synchronization

/// How large a recording has become, and what happens at `audit.maxSize`.
final class RecordingTally: Sendable {
    enum Admission {
        case recorded
        /// The recording is full and the session goes on without it.
        case skipped
        /// The recording is full and the session ends.
        case refused
    }

    let start = ContinuousClock.now
    private let limit: Int
    private let whenFull: AuditConfig.WhenFull
    private let onFull: @Sendable () -> Void
    private let state = Mutex((bytes: 0, isFull: false))

    /// `onFull` is called once, when the limit is reached.
    init(_ config: AuditConfig, onFull: @escaping @Sendable () -> Void) {
        limit = config.maxSize
        whenFull = config.whenFull
        self.onFull = onFull
    }

    /// Bytes recorded, before any compression.
    var size: Int { state.withLock { $0.bytes } }

    /// Counts an entry. Only streams are held back: who did what is recorded to the end.
    func admit(_ event: AuditEvent) -> Admission {
        let isStream = event.isStream
        let cost = event.cost
        let (isFull, isFirst) = state.withLock { state in
            let isOver = limit > 0 && isStream && state.bytes + cost > limit
            guard state.isFull && isStream || isOver else {
                state.bytes += cost
                return (false, false)
            }
            defer { state.isFull = true }
            return (true, !state.isFull)
        }
        if isFirst { onFull() }
        guard isFull else { return .recorded }
        return whenFull == .end ? .refused : .skipped
    }
}

extension AuditEvent {
    fileprivate var isStream: Bool {
        if case .io = self { true } else { false }
    }

    /// Adding up the fields of each piece of a stream would cost more than carrying it.
    fileprivate var cost: Int {
        if case .io(_, let bytes) = self {
            64 + (bytes?.readableBytes ?? 0)
        } else {
            approximateSize
        }
    }
}
