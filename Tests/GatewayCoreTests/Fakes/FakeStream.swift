import NIOCore
import NIOPosix
import SharedSSH
import Synchronization

@testable import GatewayCore

/// One direction of bytes between a test and what it tests: unbounded, with an end.
final class FakePipe: Sendable {
    private struct State {
        var bytes: [ByteBuffer] = []
        var isEnded = false
        var isBroken = false
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
    }

    private let state = Mutex(State())

    func put(_ bytes: ByteBuffer) throws {
        let isBroken = state.withLock { state in
            if !state.isBroken { state.bytes.append(bytes) }
            return state.isBroken
        }
        guard !isBroken else { throw ChannelClosed() }
        wake()
    }

    func end() {
        state.withLock { $0.isEnded = true }
        wake()
    }

    /// Whoever reads or writes from now on fails.
    func breakDown() {
        state.withLock { $0.isBroken = true }
        wake()
    }

    var isEnded: Bool { state.withLock { $0.isEnded } }

    func take() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { reader in
                state.withLock { $0.reader = reader }
                wake()
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
    }

    func text() async throws -> String {
        var all = ""
        while let bytes = try await take() { all += String(buffer: bytes) }
        return all
    }

    private func cancel() {
        state.withLock { $0.reader.take() }?.resume(throwing: CancellationError())
    }

    private func wake() {
        typealias Answer = Result<ByteBuffer?, any Error>
        let (reader, answer) = state.withLock {
            state -> (CheckedContinuation<ByteBuffer?, any Error>?, Answer?) in
            guard state.reader != nil, let answer = Self.next(&state) else { return (nil, nil) }
            return (state.reader.take(), answer)
        }
        if let reader, let answer { reader.resume(with: answer) }
    }

    private static func next(_ state: inout State) -> Result<ByteBuffer?, any Error>? {
        if state.isBroken { return .failure(ChannelClosed()) }
        if !state.bytes.isEmpty { return .success(state.bytes.removeFirst()) }
        return state.isEnded ? .success(nil) : nil
    }
}

/// A stream into a workspace whose far side is the test.
final class FakeStream: WorkspaceStream {
    /// To the workspace.
    let sent = FakePipe()
    /// From the workspace.
    let received = FakePipe()
    private let closed = Mutex(0)
    private let endedBeforeClose = Mutex(false)

    var timesClosed: Int { closed.withLock { $0 } }
    /// Whether the end of what was written was told before the whole stream was closed.
    var wasEnded: Bool { endedBeforeClose.withLock { $0 } }

    func read() async throws -> ByteBuffer? { try await received.take() }
    func write(_ bytes: ByteBuffer) async throws { try sent.put(bytes) }

    func closeWrite() async {
        if timesClosed == 0 { endedBeforeClose.withLock { $0 = true } }
        sent.end()
    }

    func close() async {
        closed.withLock { $0 += 1 }
        sent.breakDown()
        received.breakDown()
    }
}

/// A forwarded channel whose client is the test.
final class FakeByteChannel: ByteChannel {
    let id: UInt64 = 9
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let fromClient = FakePipe()
    let toClient = FakePipe()
    private let closed = Mutex(0)

    var timesClosed: Int { closed.withLock { $0 } }

    func read() async throws -> ByteBuffer? { try await fromClient.take() }
    func write(_ bytes: ByteBuffer) async throws { try toClient.put(bytes) }
    func sendEOF() async { toClient.end() }
    func close() async { closed.withLock { $0 += 1 } }
}
