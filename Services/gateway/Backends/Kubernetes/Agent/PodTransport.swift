import GuestAgent
import NIOCore
import SharedKubernetes
import SharedWaiting
import Synchronization

/// An agent behind a stream into its pod.
final class PodTransport: AgentTransport {
    private let stream: PodStream
    private let said = Mutex("")

    private static let longestText = 500

    init(_ stream: PodStream) { self.stream = stream }

    /// What came on standard error, or in the place of an agent's greeting.
    var lastWords: String { said.withLock { $0 } }

    /// Whether nothing more will come.
    var hasEnded: Bool { stream.ended.isSettled }

    func read() async throws -> ByteBuffer? {
        while let piece = try await stream.next() {
            if piece.output == .stdout { return piece.bytes }
            said.withLock { text in
                guard text.utf8.count < Self.longestText else { return }
                text += String(decoding: piece.bytes.readableBytesView.prefix(300), as: UTF8.self)
            }
        }
        return nil
    }

    func write(_ pieces: [ByteBuffer]) async throws { try await stream.send(pieces).get() }

    func close() async { await stream.close() }
}
