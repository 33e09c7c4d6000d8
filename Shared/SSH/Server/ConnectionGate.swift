/// Decides whether a new connection may come in, before a byte of it is read.
///
/// Asked on the event loop that accepted the connection, with the client's real address where a
/// PROXY header named it, so it answers at once and waits for nothing.
package protocol ConnectionGate: Sendable {
    func admit(_ client: RemoteClient) -> Admission
}

/// What becomes of a new connection.
package enum Admission: Sendable {
    /// It is served; `release` is called once, when its handler has been told of its end.
    case admitted(release: @Sendable () -> Void)
    /// It is told why and closed; no handler is made for it.
    case refused(ServerRefusal)
    /// It is closed without a word.
    case dropped
}

/// Lets everybody in.
package struct OpenGate: ConnectionGate {
    package init() {}

    package func admit(_ client: RemoteClient) -> Admission { .admitted(release: {}) }
}
