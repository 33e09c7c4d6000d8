package import NIOCore

/// How a server speaks SSH; shared by all its connections.
package struct SSHServerSettings: Sendable {
    /// Version string, host keys, algorithms, rekeying by bytes and packets.
    package var transport: TransportSettings
    /// Banner, limits of attempts, methods that are named before the handler names some.
    package var authentication: AuthenticationSettings
    /// Windows, channels, pending requests.
    package var limits: ConnectionLimits
    /// Connections at one time; those beyond are told so and closed.
    package var maximumConnections: Int
    /// How long a client may take until it is authenticated; then the connection ends.
    package var loginGraceTime: Duration
    /// What a client is told whose time is over.
    package var loginGraceText: String
    /// After so much silence of an authenticated client a keepalive is sent; `nil` for never.
    package var clientAliveInterval: Duration?
    /// Keepalives in a row without any sign of life after which the connection is lost; 1 or more.
    package var clientAliveCountMax: Int
    /// Keys are exchanged anew after so much time; `nil` leaves it to bytes and packets.
    package var rekeyInterval: Duration?
    /// How long an exchange of new keys may take, whoever began it; then the connection ends.
    package var rekeyTimeout: Duration

    package init(
        transport: TransportSettings,
        authentication: AuthenticationSettings = AuthenticationSettings(),
        limits: ConnectionLimits = ConnectionLimits(),
        maximumConnections: Int = 10_000,
        loginGraceTime: Duration = .seconds(120),
        loginGraceText: String = "Time for authentication is over.",
        clientAliveInterval: Duration? = nil,
        clientAliveCountMax: Int = 3,
        rekeyInterval: Duration? = nil,
        rekeyTimeout: Duration = .seconds(120)
    ) {
        self.transport = transport
        self.authentication = authentication
        self.limits = limits
        self.maximumConnections = maximumConnections
        self.loginGraceTime = loginGraceTime
        self.loginGraceText = loginGraceText
        self.clientAliveInterval = clientAliveInterval
        self.clientAliveCountMax = clientAliveCountMax
        self.rekeyInterval = rekeyInterval
        self.rekeyTimeout = rekeyTimeout
    }
}

/// Where a connection comes from.
package struct RemoteClient: Sendable, Hashable {
    /// An IP address in its usual text form, without brackets or zone, IPv4-mapped ones as IPv4;
    /// `unix` for a client of a Unix socket.
    package var host: String
    package var port: Int
    /// Where it was accepted.
    package var listener: Listener
    /// The address of the proxy that named this client in its PROXY header, if one did.
    package var proxy: String?

    /// A listening socket's address; for a Unix socket its path with port 0.
    package struct Listener: Sendable, Hashable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    package init(
        host: String,
        port: Int,
        listener: Listener = Listener(host: "", port: 0),
        proxy: String? = nil
    ) {
        self.host = host
        self.port = port
        self.listener = listener
        self.proxy = proxy
    }

    /// What `host` is for a client of a Unix socket.
    package static let unixHost = "unix"
}

extension RemoteClient.Listener: CustomStringConvertible {
    /// `host:port`, IPv6 in brackets, or a path.
    package var description: String {
        if host.hasPrefix("/") { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Makes the handler of a new connection; called on the connection's event loop before the first
/// byte is read.
package typealias ServerHandlerFactory =
    @Sendable (RemoteClient, any ServerConnectionControl, any EventLoop) ->
    any ServerConnectionHandler
