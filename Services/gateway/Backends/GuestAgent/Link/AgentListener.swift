import DequeModule
import GatewayCore

/// Places inside a container where connections are accepted for the gateway.
final class AgentListener: WorkspaceListener {
    let boundPort: UInt16?
    let environment: [(name: String, value: String)]
    /// The first one's connections include those of the others.
    private let ids: [AgentID]

    init(ids: [AgentID], port: UInt16?, environment: [(name: String, value: String)] = []) {
        self.ids = ids
        boundPort = port
        self.environment = environment
    }

    func accept() async throws -> AcceptedStream? {
        guard let first = ids.first else { return nil }
        let next: Next = try await first.link.wait(for: WaitKey(.connection, first.number)) {
            [number = first.number] machine in
            guard let item = machine.items[number] else { return .end }
            if let connection = item.waiting.popFirst() { return .connection(connection) }
            return item.closeSent || item.closeReceived || machine.end != nil ? .end : nil
        }
        guard case .connection(let connection) = next else { return nil }
        return AcceptedStream(
            stream: AgentStream(AgentID(first.link, connection.id)),
            originator: connection.host.isEmpty ? nil : (connection.host, connection.port)
        )
    }

    private enum Next: Sendable {
        case connection(AcceptedConnection)
        case end
    }

    /// Returns when nobody can connect any more, or the agent is gone.
    func close() async {
        for id in ids { id.close() }
        for id in ids {
            // Cancelled: the agent has been told all the same.
            _ = try? await id.link.wait(for: WaitKey(.connection, id.number)) {
                [number = id.number] machine in
                machine.items[number]?.closeReceived ?? true || machine.end != nil ? () : nil
            }
        }
    }
}
