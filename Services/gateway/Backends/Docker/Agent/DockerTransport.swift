import GuestAgent
import NIOCore
import SharedDocker
import SharedWaiting
import Synchronization

/// An agent behind the attached streams of its container, or on a socket that it has called.
///
/// Which of the two the agent tells by answering there; the streams stay the sign of its life.
final class DockerTransport: AgentTransport {
    private let stream: EngineStream
    private let socket: AgentSocket?
    private let state = Mutex(State())

    private struct State {
        var isDecided = false
        /// Once it is decided: `nil` for the streams.
        var direct: PipeTransport?
        var said = ""
        var isFirst = true
    }

    private static let longestText = 500

    init(_ stream: EngineStream, _ socket: AgentSocket?) {
        self.stream = stream
        self.socket = socket
        state.withLock { $0.isDecided = socket == nil }
    }

    /// What came on the first process's standard error, or in the place of an agent's greeting.
    var lastWords: String { state.withLock { $0.said } }

    /// Whether nothing more will come.
    var hasEnded: Bool { stream.ended.isSettled || socket?.transport?.hasEnded ?? false }

    func read() async throws -> ByteBuffer? {
        let (isDecided, direct) = state.withLock { ($0.isDecided, $0.direct) }
        if let direct { return try await direct.read() }
        guard !isDecided, let socket else { return try await readStream() }
        return try await firstBytes(socket)
    }

    func write(_ pieces: [ByteBuffer]) async throws {
        let way = state.withLock { $0.isDecided ? $0.direct : socket?.transport }
        if let way {
            try await way.write(pieces)
        } else {
            try await stream.send(pieces).get()
        }
    }

    func close() async {
        await stream.close()
        await socket?.close()
    }

    private func firstBytes(_ socket: AgentSocket) async throws -> ByteBuffer? {
        let first = try await withThrowingTaskGroup(
            of: (direct: PipeTransport?, bytes: ByteBuffer?).self
        ) { group in
            group.addTask { (nil, try await self.readStream()) }
            group.addTask {
                let direct = try await socket.connected.value()
                return (direct, try await direct.read())
            }
            defer { group.cancelAll() }
            return try await group.next()
        }
        state.withLock { state in
            state.isDecided = true
            state.direct = first?.direct
        }
        return first?.bytes
    }

    private func readStream() async throws -> ByteBuffer? {
        while let piece = try await stream.next() {
            guard piece.output != .stdout else {
                // A frame begins with its length, and none is so long that this is not zero: it is
                // the engine that says something.
                let first = state.withLock { state in
                    defer { state.isFirst = false }
                    return state.isFirst
                }
                if first, piece.bytes.readableBytesView.first != 0 { note(piece.bytes) }
                return piece.bytes
            }
            note(piece.bytes)
        }
        return nil
    }

    private func note(_ bytes: ByteBuffer) {
        state.withLock { state in
            guard state.said.utf8.count < Self.longestText else { return }
            state.said += String(decoding: bytes.readableBytesView.prefix(300), as: UTF8.self)
        }
    }
}
