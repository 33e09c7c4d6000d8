import GatewayCore

/// A place inside a container where forwarding agents accept connections.
final class ForwardListener: WorkspaceListener {
    let boundPort: UInt16?
    let environment: [(name: String, value: String)]
    private let links: [ForwardLink]
    private let accepts: ForwardAccepts

    init(
        links: [ForwardLink],
        accepts: ForwardAccepts,
        port: UInt16?,
        environment: [(name: String, value: String)] = []
    ) {
        self.links = links
        self.accepts = accepts
        boundPort = port
        self.environment = environment
    }

    func accept() async throws -> AcceptedStream? {
        while let stream = try await accepts.next() {
            guard stream.take() else { continue }
            let origin = stream.origin.flatMap { $0.host.isEmpty ? nil : ($0.host, $0.port) }
            return AcceptedStream(stream: stream, originator: origin)
        }
        return nil
    }

    /// Returns when nobody can connect any more, or the agents are gone.
    func close() async {
        for stream in accepts.close() { await stream.close() }
        await withTaskGroup(of: Void.self) { group in
            for link in links { group.addTask { await link.stopAccepting() } }
        }
    }
}
