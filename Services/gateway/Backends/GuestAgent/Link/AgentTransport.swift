package import NIOCore

/// Bytes to and from an agent's standard streams, with back-pressure both ways.
///
/// One task reads while another writes; an `AgentLink` runs both on its event loop.
package protocol AgentTransport: Sendable {
    /// The next bytes, of any number above 0; `nil`: the agent is gone. Ends also with `close()`.
    func read() async throws -> ByteBuffer?

    /// Writes the pieces in order; returns once they were taken. Fails after `close()`.
    func write(_ pieces: [ByteBuffer]) async throws

    /// Ends both directions; who reads or writes is told. Harmless when repeated.
    func close() async
}
