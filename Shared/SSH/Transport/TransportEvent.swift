package import NIOCore

/// What a peer's bytes turned out to mean to the layers above the transport.
package enum TransportEvent: Sendable {
    /// The peer's identification line, without CR LF.
    case versionReceived(String)
    /// The first key exchange is done in both directions.
    case established(HandshakeFacts, sessionID: [UInt8])
    /// A later key exchange is done in both directions.
    case rekeyed
    /// A message for the layers above, its number first: SERVICE_REQUEST, SERVICE_ACCEPT, or one
    /// of the numbers 50 to 127 that `MessageNumber` knows.
    case payload(ByteBuffer)
    /// The peer did not understand our packet of this sequence number.
    case unimplemented(UInt32)
    /// The peer's EXT_INFO.
    case extensionInfo(ExtensionInfo)
    /// IGNORE, DEBUG, PING, PONG or a number nobody knows: dealt with, a sign of life all the same.
    case ignored
    /// The peer sent DISCONNECT; nothing follows.
    case disconnected(DisconnectReason, text: String)
}
