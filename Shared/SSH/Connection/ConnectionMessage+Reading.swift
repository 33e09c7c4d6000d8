package import NIOCore

extension ConnectionMessage {
    /// The longest name of a request or a channel type; the longest in use has 32 characters.
    private static let maximumName = 256

    /// Reads a message, its number first; `nil` when it is malformed or not of this protocol.
    package init?(parsing payload: ByteBuffer) {
        var payload = payload
        do throws(WireError) {
            guard let number = MessageNumber(rawValue: try payload.readSSHByte()),
                let message = try Self.read(number, from: &payload)
            else { return nil }
            self = message
        } catch {
            return nil
        }
    }

    private static func read(
        _ number: MessageNumber,
        from payload: inout ByteBuffer
    ) throws(WireError) -> Self? {
        switch number {
        case .globalRequest: try readGlobalRequest(&payload)
        case .requestSuccess: .requestSuccess(payload: payload.slice())
        case .requestFailure: .requestFailure
        case .channelOpen: try readOpen(&payload)
        case .channelOpenConfirmation: try readConfirmation(&payload)
        case .channelOpenFailure: try readOpenFailure(&payload)
        case .channelWindowAdjust:
            .channelWindowAdjust(
                recipient: try payload.readSSHUInt32(),
                count: try payload.readSSHUInt32()
            )
        case .channelData: try readData(&payload)
        case .channelExtendedData: try readExtendedData(&payload)
        case .channelEOF: .channelEOF(recipient: try payload.readSSHUInt32())
        case .channelClose: .channelClose(recipient: try payload.readSSHUInt32())
        case .channelRequest: try readRequest(&payload)
        case .channelSuccess: .channelSuccess(recipient: try payload.readSSHUInt32())
        case .channelFailure: .channelFailure(recipient: try payload.readSSHUInt32())
        default: nil
        }
    }

    private static func readGlobalRequest(
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self {
        let type = try payload.readSSHText(limit: maximumName)
        let wantsReply = try payload.readSSHBoolean()
        return .globalRequest(type: type, wantsReply: wantsReply, payload: payload.slice())
    }

    private static func readOpen(_ payload: inout ByteBuffer) throws(WireError) -> Self {
        let type = try payload.readSSHText(limit: maximumName)
        let sender = try payload.readSSHUInt32()
        let window = try payload.readSSHUInt32()
        let maximumPacket = try payload.readSSHUInt32()
        return .channelOpen(
            ChannelOpen(
                type: type,
                sender: sender,
                window: window,
                maximumPacket: maximumPacket,
                payload: payload.slice()
            )
        )
    }

    private static func readConfirmation(
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self {
        let recipient = try payload.readSSHUInt32()
        let sender = try payload.readSSHUInt32()
        let window = try payload.readSSHUInt32()
        return .channelOpenConfirmation(
            ChannelOpenConfirmation(
                recipient: recipient,
                sender: sender,
                window: window,
                maximumPacket: try payload.readSSHUInt32()
            )
        )
    }

    private static func readOpenFailure(
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self {
        let recipient = try payload.readSSHUInt32()
        let reason = try payload.readSSHUInt32()
        let text = try payload.readSSHLossyText()
        return .channelOpenFailure(recipient: recipient, reason: reason, text: text)
    }

    private static func readData(_ payload: inout ByteBuffer) throws(WireError) -> Self {
        let recipient = try payload.readSSHUInt32()
        let bytes = try payload.readSSHString()
        try payload.requireSSHEnd()
        return .channelData(recipient: recipient, bytes: bytes)
    }

    private static func readExtendedData(
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self {
        let recipient = try payload.readSSHUInt32()
        let type = try payload.readSSHUInt32()
        let bytes = try payload.readSSHString()
        try payload.requireSSHEnd()
        return .channelExtendedData(recipient: recipient, type: type, bytes: bytes)
    }

    private static func readRequest(_ payload: inout ByteBuffer) throws(WireError) -> Self {
        let recipient = try payload.readSSHUInt32()
        let type = try payload.readSSHText(limit: maximumName)
        let wantsReply = try payload.readSSHBoolean()
        return .channelRequest(
            recipient: recipient,
            ChannelRequest(type: type, wantsReply: wantsReply, payload: payload.slice())
        )
    }

    /// The channel a message is for, by the receiver's number; `nil` for global ones.
    var recipient: UInt32? {
        switch self {
        case .globalRequest, .requestSuccess, .requestFailure, .channelOpen: nil
        case .channelOpenConfirmation(let confirmation): confirmation.recipient
        case .channelOpenFailure(let recipient, _, _), .channelWindowAdjust(let recipient, _),
            .channelData(let recipient, _), .channelExtendedData(let recipient, _, _),
            .channelEOF(let recipient), .channelClose(let recipient),
            .channelRequest(let recipient, _), .channelSuccess(let recipient),
            .channelFailure(let recipient):
            recipient
        }
    }
}
