import GatewayCore
import NIOCore

/// A connection inside a container, through a forwarding agent.
struct ForwardStream: WorkspaceStream {
    private let connection: ForwardConnection
    private let link: ForwardLink

    init(_ connection: ForwardConnection, _ link: ForwardLink) {
        self.connection = connection
        self.link = link
    }

    var origin: ForwardOrigin? { connection.origin }

    /// Accepts a connection that the agent has offered; `false`: it is gone.
    func take() -> Bool { link.take(connection) }

    func read() async throws -> ByteBuffer? { try await connection.queue.next() }

    func write(_ bytes: ByteBuffer) async throws { try await link.send(bytes, on: connection) }

    func closeWrite() async { link.endWriting(connection) }

    func close() async { link.close(connection) }
}
