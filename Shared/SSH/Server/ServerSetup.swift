/// What a new connection is served with; a server can be given another one while it runs.
package struct ServerSetup: Sendable {
    package var settings: SSHServerSettings
    package var gate: any ConnectionGate
    /// Who may send PROXY headers; `nil`: nobody.
    package var proxyHeaders: ProxyHeaderPolicy?
    package var handlerFactory: ServerHandlerFactory

    package init(
        settings: SSHServerSettings,
        gate: any ConnectionGate = OpenGate(),
        proxyHeaders: ProxyHeaderPolicy? = nil,
        handlerFactory: @escaping ServerHandlerFactory
    ) {
        self.settings = settings
        self.gate = gate
        self.proxyHeaders = proxyHeaders
        self.handlerFactory = handlerFactory
    }
}

/// From whom PROXY headers are taken, and for how long they are waited for.
///
/// A header from anybody else is refused. Clients of a Unix socket count as trusted.
package struct ProxyHeaderPolicy: Sendable {
    /// Whether the client at this IP address is a proxy.
    package var isTrusted: @Sendable (String) -> Bool
    /// Whether a connection without a header is refused, wherever it comes from.
    package var isRequired: Bool
    /// How long a proxy may take to send its header.
    package var timeout: Duration

    package init(
        isRequired: Bool = false,
        timeout: Duration = .seconds(5),
        isTrusted: @escaping @Sendable (String) -> Bool
    ) {
        self.isTrusted = isTrusted
        self.isRequired = isRequired
        self.timeout = timeout
    }
}

/// What happens while connections are accepted, for the log; reported on an event loop.
package enum ServerEvent: Sendable {
    /// A client was refused as there are `maximumConnections` already; it got no handler.
    case full(RemoteClient)
    /// A client is told that it is not served, for whatever cause; it gets no handler.
    case refused(RemoteClient, ServerRefusal)
    /// A connection from this address was refused because of its PROXY header, or for want of one.
    case proxyHeaderRefused(RemoteClient, ProxyHeaderProblem)
    /// Connections cannot be accepted at the moment, for want of descriptors or memory; the next
    /// attempt follows in a second.
    case acceptPaused(RemoteClient.Listener, error: String)
}
