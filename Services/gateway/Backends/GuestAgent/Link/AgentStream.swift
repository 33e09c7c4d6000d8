import GatewayCore
import NIOCore

/// A connection inside a container.
struct AgentStream: WorkspaceStream {
    private let id: AgentID

    init(_ id: AgentID) { self.id = id }

    func read() async throws -> ByteBuffer? { try await id.receive()?.bytes }

    func write(_ bytes: ByteBuffer) async throws {
        try await id.send(bytes)
        let isOpen = try id.link.change { [number = id.number] machine in
            machine.items[number].map { !$0.isOver && !$0.closeReceived } ?? false
        }
        guard isOpen else { throw StreamClosed() }
    }

    func closeWrite() async { id.sendEnd() }

    func close() async { id.close() }
}

/// The far side of a connection is gone.
struct StreamClosed: Error {}
