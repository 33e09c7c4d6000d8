import SharedMessages
import Synchronization

/// Opens a connection's workspace once, in the background, and hands it to whoever waits for it.
///
/// The opening belongs to the connection, not to the session that waits: a session that goes away
/// stops waiting, `close()` ends the opening itself.
package actor WorkspaceHolder {
    private enum State {
        case idle
        case opening(Task<Void, Never>)
        case ready(any Workspace)
        case failed(any Error)
        case closed
    }

    private var state = State.idle
    private var waiters: [UInt64: CheckedContinuation<any Workspace, any Error>] = [:]
    private var nextWaiter: UInt64 = 0
    private var listeners: [UInt64: AsyncStream<String>.Continuation] = [:]
    /// The backend's.
    private(set) var requestCodes: RequestCodes?

    package init() {}

    /// Starts opening; does nothing when that has already been asked for.
    ///
    /// `whenOpened` learns of the outcome, also when nobody waits.
    package func open(
        _ backend: any Backend,
        _ request: WorkspaceRequest,
        whenOpened: @escaping @Sendable (Result<any Workspace, any Error>) async -> Void
    ) {
        guard case .idle = state else { return }
        requestCodes = type(of: backend).requestCodes
        state = .opening(
            Task { [weak self] in
                let result: Result<any Workspace, any Error>
                do {
                    let tell: @Sendable (String) -> Void = { [weak self] line in
                        Task { await self?.announce(line) }
                    }
                    result = .success(try await backend.openWorkspace(request, progress: tell))
                } catch {
                    result = .failure(error)
                }
                await whenOpened(result)
                await self?.opened(result)
            }
        )
    }

    /// The workspace, waiting for it if need be.
    ///
    /// - Throws: what the backend threw, `CancellationError` when the caller is cancelled, or
    ///   `CodedError` after `close()`.
    package func workspace() async throws -> any Workspace {
        switch state {
        case .ready(let workspace): return workspace
        case .failed(let error): throw error
        case .closed: throw CodedError(.gatewayWorkspaceClosed)
        case .idle, .opening: return try await wait()
        }
    }

    /// Lines about the opening, from now on; ends when the workspace is open or has failed. A
    /// listener that is slower than the lines loses the oldest.
    package func progress() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream<String>.makeStream(
            bufferingPolicy: .bufferingNewest(16)
        )
        guard case .opening = state else {
            continuation.finish()
            return stream
        }
        nextWaiter += 1
        listeners[nextWaiter] = continuation
        return stream
    }

    /// Ends the opening or removes the workspace; returns when that is done.
    package func close() async {
        let before = state
        state = .closed
        finish(.failure(CodedError(.gatewayWorkspaceClosed)))
        switch before {
        case .opening(let task):
            task.cancel()
            await task.value
        case .ready(let workspace):
            await workspace.close()
        case .idle, .failed, .closed:
            break
        }
    }

    // MARK: - Private

    private func wait() async throws -> any Workspace {
        nextWaiter += 1
        let id = nextWaiter
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiters[id] = continuation
                }
            }
        } onCancel: {
            Task { await self.stopWaiting(id) }
        }
    }

    private func stopWaiting(_ id: UInt64) {
        waiters.removeValue(forKey: id)?.resume(throwing: CancellationError())
    }

    private func opened(_ result: Result<any Workspace, any Error>) async {
        if case .closed = state {
            // The connection went away while the backend was at work: nobody else will remove it.
            if case .success(let workspace) = result { await workspace.close() }
            return
        }
        switch result {
        case .success(let workspace): state = .ready(workspace)
        case .failure(let error): state = .failed(error)
        }
        finish(result)
    }

    private func finish(_ result: Result<any Workspace, any Error>) {
        for waiter in waiters.values { waiter.resume(with: result) }
        waiters.removeAll()
        for listener in listeners.values { listener.finish() }
        listeners.removeAll()
    }

    private func announce(_ line: String) {
        for listener in listeners.values { listener.yield(line) }
    }
}
