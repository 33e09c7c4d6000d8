import SharedConfig
import Synchronization

/// Lets any number of tasks wait until a listener is open or has failed.
final class BoundSignal: Sendable {
    private typealias Waiter = CheckedContinuation<ListenAddress, any Error>

    private struct State {
        var result: Result<ListenAddress, any Error>?
        var waiters: [Int: Waiter] = [:]
        var lastID = 0
    }

    private let state = Mutex(State())

    func open(_ address: ListenAddress) { end(.success(address)) }

    /// Counts only if the listener never opened.
    func fail(_ error: any Error) { end(.failure(error)) }

    func wait() async throws -> ListenAddress {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let result = state.withLock { state -> Result<ListenAddress, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if let result = state.result { return result }
                    state.waiters[id] = waiter
                    return nil
                }
                if let result { waiter.resume(with: result) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?
                .resume(throwing: CancellationError())
        }
    }

    private func end(_ result: Result<ListenAddress, any Error>) {
        let waiters = state.withLock { state -> [Waiter] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }
}
