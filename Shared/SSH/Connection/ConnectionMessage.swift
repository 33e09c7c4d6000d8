package import NIOCore

/// A message of the connection protocol (RFC 4254 §4, §5), numbers 80 to 100.
///
/// Channel numbers are those of the receiver of the message, as on the wire.
package enum ConnectionMessage: Sendable, Hashable {
    case globalRequest(type: String, wantsReply: Bool, payload: ByteBuffer)
    case requestSuccess(payload: ByteBuffer)
    case requestFailure
    case channelOpen(ChannelOpen)
    case channelOpenConfirmation(ChannelOpenConfirmation)
    case channelOpenFailure(recipient: UInt32, reason: UInt32, text: String)
    case channelWindowAdjust(recipient: UInt32, count: UInt32)
    case channelData(recipient: UInt32, bytes: ByteBuffer)
    case channelExtendedData(recipient: UInt32, type: UInt32, bytes: ByteBuffer)
    case channelEOF(recipient: UInt32)
    case channelClose(recipient: UInt32)
    case channelRequest(recipient: UInt32, ChannelRequest)
    case channelSuccess(recipient: UInt32)
    case channelFailure(recipient: UInt32)

    /// Bytes of channel data in it.
    var dataSize: Int {
        switch self {
        case .channelData(_, let bytes), .channelExtendedData(_, _, let bytes): bytes.readableBytes
        default: 0
        }
    }
}

/// CHANNEL_OPEN (RFC 4254 §5.1).
package struct ChannelOpen: Sendable, Hashable {
    package var type: String
    package var sender: UInt32
    package var window: UInt32
    package var maximumPacket: UInt32
    /// What follows the generic fields.
    package var payload: ByteBuffer
}

/// CHANNEL_OPEN_CONFIRMATION (RFC 4254 §5.1).
package struct ChannelOpenConfirmation: Sendable, Hashable {
    package var recipient: UInt32
    package var sender: UInt32
    package var window: UInt32
    package var maximumPacket: UInt32
}

/// CHANNEL_REQUEST without its recipient (RFC 4254 §5.4).
package struct ChannelRequest: Sendable, Hashable {
    package var type: String
    package var wantsReply: Bool
    package var payload: ByteBuffer

    package init(type: String, wantsReply: Bool, payload: ByteBuffer = ByteBuffer()) {
        self.type = type
        self.wantsReply = wantsReply
        self.payload = payload
    }
}
