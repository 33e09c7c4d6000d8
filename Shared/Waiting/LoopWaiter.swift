package import NIOCore

/// Waits on an event loop, so that a task which lives there changes no thread for it.
///
/// A function that merely inherits its caller's isolation cannot wait in place: inside it
/// `withTaskCancellationHandler` and the continuations run on the global executor. The functions
/// of an actor can, and this actor's executor is the loop.
package actor LoopWaiter {
    private nonisolated let eventLoop: any EventLoop

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop is kept alive by this actor.
        unsafe eventLoop.executor.asUnownedSerialExecutor()
    }

    package init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Waits until somebody resumes the continuation that `register` is given.
    ///
    /// `onCancel` is called at once when the waiting task is cancelled, also before `register`;
    /// between them they have to see to it that the continuation is resumed.
    package func wait<Value: Sendable>(
        _ register: @Sendable (CheckedContinuation<Value, any Error>) -> Void,
        onCancel: @Sendable () -> Void
    ) async throws -> Value {
        try await withTaskCancellationHandler {
            // Only a closure that captures the actor is isolated to it.
            try await self.suspend(register)
        } onCancel: {
            onCancel()
        }
    }

    private func suspend<Value: Sendable>(
        _ register: @Sendable (CheckedContinuation<Value, any Error>) -> Void
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { register($0) }
    }
}
