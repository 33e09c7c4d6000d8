import DequeModule
import Metrics
package import SharedTracing
import Synchronization

/// Spans that wait to be sent. What comes when it is full is dropped and counted: whoever ends a
/// span never waits.
package final class SpanQueue: SpanSink {
    private struct State {
        var spans: Deque<FinishedSpan> = []
        /// Since they were last asked for.
        var dropped = 0
        var counter: Counter?
        var pause: Task<Void, Never>?
        /// Whether a full batch ends the pause.
        var wakesWhenFull = false
        var isStopping = false
    }

    private let capacity: Int
    private let batch: Int
    private let state = Mutex(State())

    /// Holds `capacity` spans, and hands over `batch` of them at most; both at least 1.
    package init(capacity: Int, batch: Int) {
        self.capacity = capacity
        self.batch = batch
    }

    package func take(_ span: FinishedSpan) {
        state.withLock { state in
            guard state.spans.count < capacity else {
                state.dropped += 1
                state.counter?.increment()
                return
            }
            state.spans.append(span)
            if state.wakesWhenFull, state.spans.count >= batch { state.pause?.cancel() }
        }
    }

    /// Counts what is dropped from now on there too.
    func count(drops counter: Counter) { state.withLock { $0.counter = counter } }

    /// The oldest spans, a batch at most.
    func next() -> [FinishedSpan] {
        state.withLock { state in
            let batch = Array(state.spans.prefix(batch))
            state.spans.removeFirst(batch.count)
            return batch
        }
    }

    /// How many were dropped since the last call.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    /// Whether nobody waits any more.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Ends the wait there is, and lets nobody wait again.
    func stop() {
        state.withLock { state in
            state.isStopping = true
            state.pause?.cancel()
        }
    }

    /// Waits until a batch is full, for `time` at most.
    func waitForBatch(_ time: Duration) async { await wait(for: time, wakesWhenFull: true) }

    /// Waits for `time`, whatever comes; but not beyond `stop` or the cancellation of the task.
    func pause(_ time: Duration) async { await wait(for: time, wakesWhenFull: false) }

    private func wait(for time: Duration, wakesWhenFull: Bool) async {
        // Ends early when it is cancelled; the handle is kept for that.
        let pause = Task { _ = try? await Task.sleep(for: time) }
        state.withLock { state in
            state.pause = pause
            state.wakesWhenFull = wakesWhenFull
            let isFull = wakesWhenFull && state.spans.count >= batch
            if isFull || state.isStopping { pause.cancel() }
        }
        await withTaskCancellationHandler {
            await pause.value
        } onCancel: {
            pause.cancel()
        }
        state.withLock { $0.pause = nil }
    }
}
