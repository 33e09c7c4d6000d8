/// The body of `POST /session`: something that has happened to a connection.
///
/// Events may come twice, with the same `eventId`; those of one connection come in their order.
package struct SessionEvent: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// Somebody has logged in, and what they get is known.
        case begin
        /// Their workspace can be used; `container` names it.
        case ready
        /// The connection is over.
        case end
    }

    package var event: Kind
    /// Unique among all events.
    package var eventId: String
    /// Another one after each start of the gateway.
    package var gateway: String
    /// Counts the gateway's events from 1.
    package var sequence: Int
    /// When it happened: RFC 3339, UTC, with milliseconds.
    package var time: String
    package var remoteAddress: String
    package var connectionId: String
    package var clientVersion: String
    package var username: String
    package var authenticatedUsername: String
    /// Without what is sensitive.
    package var metadata: [String: MetadataValue]?
    package var container: String?
    /// Why the connection ended.
    package var reason: String?
    package var durationSeconds: Double?
    package var bytesReceived: UInt64?
    package var bytesSent: UInt64?

    package static let path = "/session"

    package init(
        _ event: Kind,
        eventId: String,
        gateway: String,
        sequence: Int,
        time: String,
        head: AuthRequestHead,
        authenticatedUsername: String
    ) {
        self.event = event
        self.eventId = eventId
        self.gateway = gateway
        self.sequence = sequence
        self.time = time
        remoteAddress = head.remoteAddress
        connectionId = head.connectionID
        clientVersion = head.clientVersion
        username = head.username
        self.authenticatedUsername = authenticatedUsername
        let open = head.carried.metadata.filter { !$0.value.sensitive }
        metadata = open.isEmpty ? nil : open
    }
}
