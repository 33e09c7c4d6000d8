import Synchronization

/// A value that arrives once and may be waited for by many.
///
/// Every waiter stops when it is cancelled; whoever makes a latch settles it on every path.
package final class Latch<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiters: [UInt64: CheckedContinuation<Value, any Error>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var isSettled: Bool { state.withLock { $0.result != nil } }

    /// Settles the latch; later calls change nothing.
    package func settle(_ result: Result<Value, any Error>) {
        let waiters = state.withLock { state in
            guard state.result == nil else { return [CheckedContinuation<Value, any Error>]() }
            state.result = result
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Waits for the value; throws `CancellationError` when the waiting task is cancelled.
    package func value() async throws -> Value {
        let (number, result) = state.withLock { state in
            state.nextWaiter += 1
            return (state.nextWaiter, state.result)
        }
        if let result { return try result.get() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(number, $0) }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?
                .resume(throwing: CancellationError())
        }
    }

    private func wait(_ number: UInt64, _ continuation: CheckedContinuation<Value, any Error>) {
        let now: Result<Value, any Error>? = state.withLock { state in
            if let result = state.result { return result }
            // A cancellation that came before this line found nobody to wake.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiters[number] = continuation
            return nil
        }
        if let now { continuation.resume(with: now) }
    }
}

extension Latch {
    /// Waits no longer than `limit`, then throws `late`.
    package func value(within limit: Duration, late: @autoclosure () -> any Error) async throws
        -> Value
    {
        let settled = try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await self.value() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let settled else { throw late() }
        return settled
    }
}
