import AuditClient
import Synchronization

/// Recordings that someone has to look at; each at most once, so it is bounded by their number.
final class ChangeSet: Sendable {
    private struct State {
        var changed: Set<RecordingID> = []
        var failed: Set<RecordingID> = []
    }

    private let state = Mutex(State())
    /// One element may stand for any number of changes.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ ids: Set<RecordingID>) {
        guard !ids.isEmpty else { return }
        state.withLock { $0.changed.formUnion(ids) }
        continuation.yield()
    }

    func takeAll() -> Set<RecordingID> {
        state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
    }

    /// Keeps one for `retry()`; true when it had not failed before.
    func addFailed(_ id: RecordingID) -> Bool {
        state.withLock { $0.failed.insert(id).inserted }
    }

    /// Puts those that failed among the changed again.
    func retry() { add(state.withLock { $0.failed }) }

    func succeeded(_ id: RecordingID) { state.withLock { _ = $0.failed.remove(id) } }
}
