import Synchronization

/// A pause that others may cut short; one waits at a time.
final class Interruption: Sendable {
    private enum State {
        case idle
        case waiting(Task<Void, any Error>)
        /// The next pause is none.
        case ended
    }

    private let state = Mutex(State.idle)

    /// Waits for `time`, until `end()` or until it is cancelled. Not at all where `end()` was called
    /// since the last pause.
    func wait(_ time: Duration) async {
        let sleep = state.withLock { state -> Task<Void, any Error>? in
            if case .ended = state { return nil }
            let sleep = Task { try await Task.sleep(for: time) }
            state = .waiting(sleep)
            return sleep
        }
        await withTaskCancellationHandler {
            _ = await sleep?.result
        } onCancel: {
            sleep?.cancel()
        }
        state.withLock { $0 = .idle }
    }

    func end() {
        state.withLock { state in
            if case .waiting(let sleep) = state { sleep.cancel() }
            state = .ended
        }
    }
}
