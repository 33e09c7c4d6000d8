import NIOCore
import Synchronization

@testable import GuestAgent

/// An agent whose words are the test's.
final class ScriptedTransport: AgentTransport {
    private struct State {
        var said: [ByteBuffer] = []
        var heard: [UInt8] = []
        var isClosed = false
        var waiter: CheckedContinuation<ByteBuffer?, Never>?
    }

    private let state = Mutex(State())

    func say(_ bytes: [UInt8]) {
        state.withLock { state -> CheckedContinuation<ByteBuffer?, Never>? in
            if let waiter = state.waiter.take() { return waiter }
            state.said.append(ByteBuffer(bytes: bytes))
            return nil
        }?.resume(returning: ByteBuffer(bytes: bytes))
    }

    func read() async throws -> ByteBuffer? {
        await withCheckedContinuation { continuation in
            let now: ByteBuffer?? = state.withLock { state in
                if !state.said.isEmpty { return .some(state.said.removeFirst()) }
                if state.isClosed { return .some(nil) }
                state.waiter = continuation
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    /// All that was written so far.
    var heard: [UInt8] { state.withLock { $0.heard } }

    /// The agent has ended.
    func end() { finish() }

    func write(_ pieces: [ByteBuffer]) async throws {
        state.withLock { state in
            for piece in pieces { state.heard += piece.readableBytesView }
        }
    }

    func close() async { finish() }

    private func finish() {
        state.withLock { state in
            state.isClosed = true
            return state.waiter.take()
        }?.resume(returning: nil)
    }
}
