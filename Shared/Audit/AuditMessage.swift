/// One entry of a recording: what happened, when, on which connection and channel.
package struct AuditMessage: Sendable, Hashable {
    /// 32 lower-case hexadecimal digits.
    package var connectionID: String
    /// Nanoseconds since the Unix epoch.
    package var timestamp: Int64
    /// The server's own channel number; `nil` for what belongs to no channel.
    package var channelID: UInt64?
    package var event: AuditEvent

    package init(
        connectionID: String,
        timestamp: Int64,
        channelID: UInt64? = nil,
        event: AuditEvent
    ) {
        self.connectionID = connectionID
        self.timestamp = timestamp
        self.channelID = channelID
        self.event = event
    }
}
