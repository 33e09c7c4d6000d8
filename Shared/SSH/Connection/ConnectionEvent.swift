package import NIOCore

/// What a message of the peer means for whoever owns the connection.
package enum ConnectionEvent: Sendable, Hashable {
    /// Nothing to do but to send what became sendable.
    case nothing
    /// The peer wants a channel; answer with `acceptOpen` or `refuseOpen`.
    case openRequested(UInt32, ChannelOpening)
    /// A channel was refused because of its type; say `acknowledgeRefusedOpen` once told.
    case unsupportedOpen(type: String)
    /// A channel was refused as its payload does not parse; say `acknowledgeRefusedOpen` once told.
    case malformedOpen(type: String, payload: ByteBuffer)
    /// The peer accepted our channel.
    case opened(UInt32)
    case openRefused(UInt32, reason: UInt32, text: String)
    /// Bytes for the channel's owner, who reports by `consumed` what it took. `stream` is the
    /// extended data type (RFC 4254 §5.2).
    case data(UInt32, stream: UInt32?, ByteBuffer)
    /// No more data follows.
    case eof(UInt32)
    /// The channel is closed on both sides and forgotten.
    case closed(UInt32)
    /// A channel request; answer with `answerRequest`, in order.
    case request(UInt32, ChannelRequest)
    /// The reply to the oldest of our requests on the channel.
    case requestAnswered(UInt32, success: Bool)
    /// A global request; answer with `answerGlobalRequest`, in order.
    case globalRequest(GlobalRequest)
    /// The reply to the oldest of our global requests.
    case globalAnswered(GlobalReply)
    /// The peer broke the protocol; the connection ends with `protocolError` and this text.
    case violation(String)
}

/// What became of a queued write.
package struct SettledWrite: Sendable, Hashable {
    /// As given when the bytes were queued.
    package var ticket: UInt64
    /// `false` when the channel closed first.
    package var taken: Bool
}
