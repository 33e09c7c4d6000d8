/// Where a gateway is administered: paths of its administration listener.
package enum GatewayRoutes {
    package static let sessions = "/v1/sessions"
    /// Longest request that is accepted.
    package static let longestRequest = 16 << 10
    /// Longest reason of a kill, in bytes.
    package static let longestReason = 512

    /// `id` is 32 lower-case hexadecimal digits and needs no escaping.
    package static func kill(_ id: String) -> String { "\(sessions)/\(id)/kill" }

    /// Whether `id` has the form of a connection's id.
    package static func isID(_ id: String) -> Bool {
        id.utf8.count == 32
            && id.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// One live connection of a gateway.
package struct SessionRecord: Codable, Sendable, Hashable {
    /// The connection's id, the same as in the log and in recordings.
    package var id: String
    /// The login name; empty before the first attempt.
    package var username: String
    /// The verified identity; empty before the login, and where the webhook named none.
    package var authenticatedUsername: String
    /// Whether the login is done.
    package var isAuthenticated: Bool
    /// The client's IP address without port.
    package var remoteAddress: String
    /// The client's identification line; empty before the handshake.
    package var clientVersion: String
    /// Seconds since the Unix epoch.
    package var startedAt: Double
    /// Seconds since the start.
    package var age: Double
    /// Session channels open now.
    package var openSessions: Int
    /// Bytes from and to the client, as the socket carried them.
    package var bytesReceived: UInt64
    package var bytesSent: UInt64

    package init(
        id: String,
        username: String,
        authenticatedUsername: String,
        isAuthenticated: Bool,
        remoteAddress: String,
        clientVersion: String,
        startedAt: Double,
        age: Double,
        openSessions: Int,
        bytesReceived: UInt64,
        bytesSent: UInt64
    ) {
        self.id = id
        self.username = username
        self.authenticatedUsername = authenticatedUsername
        self.isAuthenticated = isAuthenticated
        self.remoteAddress = remoteAddress
        self.clientVersion = clientVersion
        self.startedAt = startedAt
        self.age = age
        self.openSessions = openSessions
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
    }
}

/// The body of `POST /v1/sessions/{id}/kill`.
package struct SessionKill: Codable, Sendable, Hashable {
    /// What the person is told; at most 512 bytes.
    package var reason: String
    /// Who asks for it, for the log; nobody vouches for it.
    package var actor: String?

    package init(reason: String, actor: String? = nil) {
        self.reason = reason
        self.actor = actor
    }
}
