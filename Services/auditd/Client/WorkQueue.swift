import Synchronization

/// Recordings that wait for a stage, each at most once, so the queue is bounded by their number.
/// Many add, one stage takes.
final class WorkQueue: Sendable {
    private struct State {
        var members: Set<RecordingID> = []
        var order: [OutgoingRecording] = []
    }

    private let state = Mutex(State())
    /// One element may stand for any number of additions.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func add(_ recording: OutgoingRecording) {
        let isNew = state.withLock { state in
            guard state.members.insert(recording.recordingID).inserted else { return false }
            state.order.append(recording)
            return true
        }
        if isNew { continuation.yield() }
    }

    func takeAll() -> [OutgoingRecording] {
        state.withLock { state in
            defer { state = State() }
            return state.order
        }
    }

    func wake() { continuation.yield() }

    func close() { continuation.finish() }
}
